// The graph as SVG: draws what the kernel laid out, and keeps its elements so that focus survives an edit.

import { put, svg } from "../shared/dom";
import { type Drawing, type EdgeMark, type NodeMark, questionsOf } from "./state";

const LABEL_HEIGHT = 24;
const READABLE = 0.72; // a long chain of layers is scrolled rather than made smaller than this

interface Part { group: SVGGElement; questions: string[]; update(mark: EdgeMark | NodeMark, hint: string): void }

export class Picture {
  readonly element = svg("svg", { class: "wb-picture", role: "group" });
  private parts = new Map<string, Part>();
  private shape = "";

  constructor(private readonly hint: (question: string) => string, private readonly height: number) {}

  /** Shows the drawing: in place where it has the same parts as before, afresh otherwise. */
  show(drawing: Drawing): void {
    const [width, height] = [drawing.width, drawing.height].map((size) => Math.round(size * READABLE));
    put(this.element, {
      viewBox: `0 0 ${drawing.width} ${drawing.height}`,
      "aria-label": `Graph of ${drawing.nodes.length} nodes and ${drawing.edges.length} edges`,
      style: `max-width:${Math.round(drawing.width * 1.15)}px; min-width:${width}px; max-height:${Math.max(this.height, height ?? 0)}px`,
    });
    const names = new Map(drawing.nodes.map((node) => [node.name, node.label]));
    const keyed: [string, EdgeMark | NodeMark, string][] = [
      ...drawing.edges.map((e): [string, EdgeMark, string] =>
        [`e ${e.source} ${e.target} ${e.question}`, e, `edge ${names.get(e.source)} to ${names.get(e.target)}`]),
      ...drawing.nodes.map((n): [string, NodeMark, string] =>
        [`n ${n.name} ${n.questions.join(" ")} ${n.op === ""}`, n, `node ${n.name}`]),
    ];
    const shape = keyed.map(([key]) => key).join("\n");
    if (shape !== this.shape) this.rebuild(keyed);
    this.shape = shape;
    for (const [key, mark, name] of keyed) {
      const [first] = questionsOf(mark);
      const hint = first === undefined ? "" : `${name}, operation ${mark.label}, ${this.hint(first)}`;
      this.parts.get(key)?.update(mark, hint);
    }
  }

  /** The element that asks a question. */
  of(question: string): SVGGElement | undefined {
    return [...this.parts.values()].find((part) => part.questions.includes(question))?.group;
  }

  select(question: string): void {
    for (const { group, questions } of this.parts.values()) {
      if (questions.length > 0) group.classList.toggle("wb-selected", questions.includes(question));
    }
  }

  private rebuild(keyed: [string, EdgeMark | NodeMark, string][]): void {
    this.parts = new Map(keyed.map(([key, mark]) => [key, "path" in mark ? edgePart(mark) : nodePart(mark)]));
    this.element.replaceChildren(...[...this.parts.values()].map((part) => part.group));
  }
}

function edgePart(first: EdgeMark): Part {
  const reach = svg("path", { class: "wb-reach" });
  const line = svg("path", { class: "wb-line" });
  const head = svg("path", { class: "wb-arrow" });
  const pill = svg("rect", { class: "wb-pill", height: LABEL_HEIGHT, rx: 12 });
  const label = svg("text");
  const group = svg("g", { class: "wb-edge" }, reach, line, head, pill, label);
  return {
    group,
    questions: ask(group, first),
    update(mark, hint) {
      const edge = mark as EdgeMark;
      const resting = edge.zero || !edge.live;
      put(group, { class: group.classList.contains("wb-selected") ? "wb-edge wb-selected" : "wb-edge" });
      group.classList.toggle("wb-resting", resting);
      group.classList.toggle("wb-dead", !edge.live && !edge.zero);
      group.classList.toggle("wb-plain", edge.op === "");
      colour(group, edge);
      if (hint) put(group, { "aria-label": hint + (!edge.live && !edge.zero ? ", carries nothing" : "") });
      put(reach, { d: edge.path });
      put(line, { d: edge.path, "stroke-dasharray": edge.dashed ? "5 5" : undefined });
      put(head, { d: edge.arrow });
      put(pill, {
        x: edge.label_x - edge.label_width / 2, y: edge.label_y - LABEL_HEIGHT / 2,
        width: edge.label_width, visibility: edge.label ? undefined : "hidden",
      });
      put(label, { x: edge.label_x, y: edge.label_y });
      label.textContent = edge.label;
    },
  };
}

function nodePart(first: NodeMark): Part {
  const box = svg("rect", { class: "wb-box" });
  const label = svg("text");
  const group = svg("g", { class: "wb-node" }, box, label);
  return {
    group,
    questions: ask(group, first),
    update(mark, hint) {
      const node = mark as NodeMark;
      put(box, {
        x: node.x - node.width / 2, y: node.y - node.height / 2, width: node.width, height: node.height,
        rx: node.width === node.height ? node.height / 2 : 9,
      });
      group.classList.toggle("wb-dead", !node.live);
      group.classList.toggle("wb-input", node.role === "input");
      group.classList.toggle("wb-output", node.role === "output");
      colour(group, node);
      if (hint) put(group, { "aria-label": hint });
      put(label, { x: node.x, y: node.y });
      label.textContent = node.label;
    },
  };
}

function ask(group: SVGGElement, mark: EdgeMark | NodeMark): string[] {
  const questions = questionsOf(mark);
  if (questions[0] !== undefined) {
    group.dataset["question"] = questions[0];
    put(group, { tabindex: 0, role: "button", "aria-haspopup": "menu" });
  }
  return questions;
}

function colour(group: SVGGElement, mark: { colour: string; dark: string }): void {
  if (mark.colour === "") group.style.removeProperty("--op");
  else group.style.setProperty("--op", `light-dark(${mark.colour}, ${mark.dark})`);
}
