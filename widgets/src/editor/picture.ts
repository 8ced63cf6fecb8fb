// The graph as SVG: draws what the kernel laid out, and keeps its elements so that focus survives an edit.

import { put, svg } from "../shared/dom";
import { along, type Bend, bent, mixed, type Offset, pathOf, STILL } from "./bending";
import { type Drawing, type EdgeMark, type NodeMark, questionsOf } from "./state";

const LABEL_HEIGHT = 24;
const READABLE = 0.72; // a long chain of layers is scrolled rather than made smaller than this
const WINDOW = 760; // pixels: what is taller is seen through a window, and moved in it

interface Part { group: SVGGElement; questions: string[]; update(mark: EdgeMark | NodeMark, hint: string): void; seen: string }
interface EdgePart extends Part { bend(from: Offset, to: Offset): void }
interface NodePart extends Part { move(by: Offset): void }

/**
 * Everything drawn is in `world`, which a viewport transforms; `page` is the part of the drawing that the element shows
 * untransformed. A node's group has `data-node="name"`, an edge's `data-edge="source target"`; `data-question` is the
 * first question it answers, `data-fold` the repeated block it stands for.
 */
export class Picture {
  readonly world = svg("g", { class: "wb-world" });
  readonly element = svg("svg", { class: "wb-picture", role: "group" }, this.world);
  page = { width: 0, height: 0 };
  whole = { width: 0, height: 0 };
  resized: () => void = () => {};
  private nodes = new Map<string, NodePart>();
  private edges = new Map<string, EdgePart>();
  private touching = new Map<string, { part: EdgePart; source: string; target: string }[]>();
  private moved = new Map<string, Offset>();
  private shape = "";
  private places = "";

  constructor(private readonly hint: (question: string) => string, private readonly height: number) {}

  /** Shows the drawing: in place where it has the same parts as before, afresh otherwise. */
  show(drawing: Drawing): void {
    this.fitPage(drawing);
    const shape = JSON.stringify([
      drawing.nodes.map((n) => [n.name, n.questions, n.op === "", n.fold]), drawing.edges.map((e) => [e.source, e.target, e.question]),
    ]);
    if (shape !== this.shape) this.rebuild(drawing);
    this.shape = shape;
    const places = JSON.stringify(drawing.nodes.map((n) => [n.name, n.x, n.y]));
    if (places !== this.places) this.moved.clear(); // another layout: what was moved by hand has no meaning in it
    this.places = places;
    this.resized();
    const labels = new Map(drawing.nodes.map((node) => [node.name, node.label]));
    for (const e of drawing.edges) {
      this.update(this.edges.get(edgeName(e)), e, `edge ${labels.get(e.source)} to ${labels.get(e.target)}`);
    }
    for (const n of drawing.nodes) this.update(this.nodes.get(n.name), n, `node ${n.name}`);
  }

  /** The element that asks a question: where it is inside a folded block, that block. */
  of(question: string): SVGGElement | undefined {
    return this.parts().find((part) => part.questions.includes(question))?.group;
  }

  nodeAt(name: string): SVGGElement | undefined { return this.nodes.get(name)?.group; }

  /** The group of the edge "source target". */
  edgeAt(name: string): SVGGElement | undefined { return this.edges.get(name)?.group; }

  /** Marks what answers the questions: one, or several. */
  select(questions: string | readonly string[]): void {
    const chosen = new Set(typeof questions === "string" ? [questions] : questions);
    for (const part of this.parts()) {
      if (part.questions.length > 0) part.group.classList.toggle("wb-selected", part.questions.some((q) => chosen.has(q)));
    }
  }

  /** A place in the window as a place in the drawing. */
  toWorld(clientX: number, clientY: number): { x: number; y: number } {
    const matrix = this.world.getScreenCTM();
    if (matrix === null) return { x: 0, y: 0 };
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(matrix.inverse());
    return { x, y };
  }

  // -- nodes moved by hand, for reading: the kernel knows nothing of it

  /** Moves one node away from its place by pixels of the drawing; only its own edges are drawn again. */
  move(name: string, by: Offset): void {
    this.moved.set(name, by);
    this.nodes.get(name)?.move(by);
    for (const { part, source, target } of this.touching.get(name) ?? []) {
      part.bend(this.offset(source), this.offset(target));
    }
  }

  offset(name: string): Offset { return this.moved.get(name) ?? STILL; }

  get anyMoved(): boolean { return this.moved.size > 0; }

  get count(): number { return this.nodes.size; }

  /** Puts every node back where the kernel has placed it. */
  settle(): void {
    const names = [...this.moved.keys()];
    for (const name of names) this.move(name, STILL);
    this.moved.clear();
  }

  // -- inside

  private fitPage({ width, height, nodes, edges }: Drawing): void {
    put(this.element, { "aria-label": `Graph of ${nodes.length} nodes and ${edges.length} edges` });
    if (this.whole.width === width && this.whole.height === height && this.shape !== "") return;
    this.page = { width, height: Math.min(height, Math.max(WINDOW, this.height) / READABLE) };
    this.whole = { width, height };
    const [least, tall] = [width, this.page.height].map((size) => Math.round(size * READABLE));
    put(this.element, {
      viewBox: `0 0 ${width} ${this.page.height}`,
      style: `max-width:${Math.round(width * 1.15)}px; min-width:${least}px; max-height:${Math.max(this.height, tall ?? 0)}px`,
    });
  }

  private update(part: EdgePart | NodePart | undefined, mark: EdgeMark | NodeMark, name: string): void {
    const [first] = questionsOf(mark);
    const fold = "fold" in mark && mark.fold ? mark : undefined;
    const asks = fold ? described(fold, name) : first === undefined ? "" : `${name}, operation ${mark.label}, ${this.hint(first)}`;
    const seen = JSON.stringify([mark, asks]);
    if (part === undefined || part.seen === seen) return;
    part.seen = seen;
    part.update(mark, asks);
    if ("bend" in part && "path" in mark) part.bend(this.offset(mark.source), this.offset(mark.target));
    else if ("move" in part && "name" in mark) part.move(this.offset(mark.name));
  }

  private parts(): Part[] { return [...this.edges.values(), ...this.nodes.values()]; }

  private rebuild(drawing: Drawing): void {
    this.edges = new Map(drawing.edges.map((mark) => [edgeName(mark), edgePart(mark)]));
    this.nodes = new Map(drawing.nodes.map((mark) => [mark.name, nodePart(mark)]));
    this.moved.clear();
    this.touching = new Map(drawing.nodes.map((mark) => [mark.name, []]));
    for (const { source, target } of drawing.edges) {
      const part = this.edges.get(`${source} ${target}`);
      if (part) for (const end of [source, target]) this.touching.get(end)?.push({ part, source, target });
    }
    this.world.replaceChildren(...this.parts().map((part) => part.group));
  }
}

function edgeName({ source, target }: EdgeMark): string {
  return `${source} ${target}`;
}

/** What a folded block is called to those who do not see it. */
function described(mark: NodeMark, name: string): string {
  const inside = mark.questions.length > 0 ? `, inside: ${mark.questions.join(", ")}` : "";
  return `${name}, repeated block ${mark.label}, press Enter to expand${inside}`;
}

function edgePart(first: EdgeMark): EdgePart {
  const reach = svg("path", { class: "wb-reach" });
  const line = svg("path", { class: "wb-line" });
  const head = svg("path", { class: "wb-arrow" });
  const pill = svg("rect", { class: "wb-pill", height: LABEL_HEIGHT, rx: 12 });
  const label = svg("text");
  const group = svg("g", { class: "wb-edge", "data-edge": edgeName(first) }, reach, line, head, pill, label);
  let bend: Bend = along(first);
  const questions = questionsOf(first);
  ask(group, questions[0]);
  return {
    group,
    questions,
    seen: "",
    update(mark, hint) {
      const edge = mark as EdgeMark;
      bend = along(edge);
      group.classList.toggle("wb-resting", edge.zero || !edge.live);
      group.classList.toggle("wb-dead", !edge.live && !edge.zero);
      group.classList.toggle("wb-plain", edge.op === "");
      colour(group, edge);
      if (hint) put(group, { "aria-label": hint + (!edge.live && !edge.zero ? ", carries nothing" : "") });
      put(line, { "stroke-dasharray": edge.dashed ? "5 5" : undefined });
      put(head, { d: edge.arrow });
      put(pill, {
        x: edge.label_x - edge.label_width / 2, y: edge.label_y - LABEL_HEIGHT / 2,
        width: edge.label_width, visibility: edge.label ? undefined : "hidden",
      });
      put(label, { x: edge.label_x, y: edge.label_y });
      label.textContent = edge.label;
    },
    bend(from, to) {
      const d = pathOf(bent(bend, from, to));
      line.setAttribute("d", d);
      reach.setAttribute("d", d);
      shift(head, to);
      const beside = mixed(bend.label[0], from, bend.label[1], to);
      shift(pill, beside);
      shift(label, beside);
    },
  };
}

function nodePart(first: NodeMark): NodePart {
  const under = first.fold ? [svg("rect", { class: "wb-box wb-stacked" })] : []; // a folded block looks like a pile
  const box = svg("rect", { class: "wb-box" });
  const label = svg("text");
  const group = svg("g", { class: "wb-node", "data-node": first.name }, ...under, box, label);
  if (first.fold) {
    group.dataset["fold"] = first.fold;
    put(group, { tabindex: 0, role: "button", "aria-expanded": "false" });
    group.classList.add("wb-fold");
    group.append(svg("title", {}, described(first, `node ${first.name}`)));
  } else ask(group, first.questions[0]);
  return {
    group,
    questions: first.questions,
    seen: "",
    update(mark, hint) {
      const node = mark as NodeMark;
      const sizes = { width: node.width, height: node.height, rx: node.width === node.height ? node.height / 2 : 9 };
      put(box, { x: node.x - node.width / 2, y: node.y - node.height / 2, ...sizes });
      under.forEach((rect) => put(rect, { x: node.x - node.width / 2 + 4, y: node.y - node.height / 2 + 4, ...sizes }));
      group.classList.toggle("wb-dead", !node.live);
      group.classList.toggle("wb-input", node.role === "input");
      group.classList.toggle("wb-output", node.role === "output");
      colour(group, node);
      if (hint) put(group, { "aria-label": hint });
      put(label, { x: node.x, y: node.y });
      label.textContent = node.label;
    },
    move(by) { shift(group, by); },
  };
}

function shift(element: SVGElement, { x, y }: Offset): void {
  if (x !== 0 || y !== 0) element.setAttribute("transform", `translate(${x} ${y})`);
  else element.removeAttribute("transform");
}

function ask(group: SVGGElement, question: string | undefined): void {
  if (question === undefined) return;
  group.dataset["question"] = question;
  put(group, { tabindex: 0, role: "button", "aria-haspopup": "menu" });
}

function colour(group: SVGGElement, mark: { colour: string; dark: string }): void {
  if (mark.colour === "") group.style.removeProperty("--op");
  else group.style.setProperty("--op", `light-dark(${mark.colour}, ${mark.dark})`);
}
