// Edges drawn, moved and taken away by hand: from a node's rim, by an edge's end, or with the keyboard.

import { put, svg } from "../shared/dom";
import type { Frame } from "../shared/frame";
import type { Model } from "../shared/model";
import type { Picture } from "./picture";
import { anchor, border, gripAt, type Grip, nameOf, nodeUnder, onPage, type Point } from "./rims";
import type { Decisions, Drawing, NodeMark } from "./state";
import { follow, Tip } from "./tip";

interface Move { decisions: Decisions | null; reason: string; also: string }
type Moves = Record<string, Move>;

export interface Bench {
  drawing(): Drawing;
  /** The reason why edges cannot be drawn here now; "" where they can. */
  hindrance(): string;
  /** Whether any answer of the space is about edges. */
  wires(): boolean;
  edit(decisions: Decisions): void;
}

export class Wiring {
  readonly tip = new Tip();
  private readonly ghost = svg("path", { class: "wb-ghost", visibility: "hidden" });
  private readonly knob = svg("circle", { class: "wb-knob", r: 5, visibility: "hidden" });
  private grip: Grip | undefined;
  private moves: Moves | undefined;
  private asked = 0;
  private then: (moves: Moves) => void = () => {};
  private aim: string | undefined; // the node that the keyboard points at
  private stopped = () => {};
  private readonly stops = new AbortController();

  constructor(
    private readonly model: Model,
    private readonly frame: Frame,
    private readonly picture: Picture,
    private readonly bench: Bench,
    private readonly pans: (event: PointerEvent) => boolean,
  ) {
    const { element } = picture;
    const on = { signal: this.stops.signal, capture: true };
    element.append(this.ghost, this.knob);
    element.addEventListener("pointerdown", frame.guard((event) => this.pressed(event)), on);
    element.addEventListener("pointermove", frame.guard((event) => this.hovered(event)), on);
    element.addEventListener("pointerleave", () => this.point(undefined), on);
    frame.root.addEventListener("keydown", frame.guard((event) => this.keyed(event)), on);
    frame.root.addEventListener("focusout", () => { if (this.aim !== undefined) this.leave(); }, on);
  }

  stop(): void {
    this.stopped();
    this.stops.abort();
  }

  /** Takes the kernel's answer to what was asked last. */
  hear({ ask, moves }: { ask: number; moves: Moves }): void {
    if (ask === this.asked) this.then(moves);
  }

  /** Lets the keyboard reach the nodes and edges that ask nothing, and says what its keys do there. */
  dress(): void {
    if (!this.bench.wires()) return;
    const { nodes, edges } = this.bench.drawing();
    for (const mark of nodes) {
      if (mark.questions.length === 0 && !mark.fold) reach(this.picture.nodeAt(mark.name), `node ${mark.label || mark.name}, press e to draw an edge`);
    }
    if (edges.some((edge) => edge.question !== "")) return; // those that ask are enough
    for (const edge of edges) {
      reach(this.picture.edgeAt(nameOf(edge)), `edge ${this.told(edge)}, press e to move its end, s its start, Delete to take it away`);
    }
  }

  // -- by hand

  private hovered(event: PointerEvent): void {
    if (this.grip || event.buttons !== 0) return;
    const held = this.bench.wires() && !event.altKey && this.bench.hindrance() === "" ? gripAt(event, this.picture, this.bench.drawing()) : undefined;
    this.point(held && anchor(held, this.picture));
  }

  private point(at: Point | undefined): void {
    this.picture.element.classList.toggle("wb-gripping", at !== undefined);
    if (at) put(this.knob, { cx: at.x, cy: at.y, visibility: "visible" });
    else put(this.knob, { visibility: "hidden" });
  }

  private pressed(press: PointerEvent): void {
    if (press.button !== 0 || press.ctrlKey || press.metaKey || press.shiftKey || !this.bench.wires() || this.pans(press)) return;
    const grip = gripAt(press, this.picture, this.bench.drawing());
    if (!grip) return;
    press.preventDefault(); // taken: the node is not moved
    this.picture.element.focus({ preventScroll: true });
    let over: string | undefined;
    this.stopped = follow(press, this.frame.guard((event) => {
      if (!this.grip && !this.take(grip)) return;
      over = nodeUnder(event, this.picture, this.bench.drawing());
      this.drawGhost(grip, over, { x: event.clientX, y: event.clientY });
      this.explain(over, event);
    }), this.frame.guard((event) => {
      if (event === undefined) this.leave();
      else this.drop(over);
    }));
  }

  /** Begins a gesture: asks the kernel which nodes are valid, which it shows when it knows. */
  private take(grip: Grip): boolean {
    const hindrance = this.bench.hindrance();
    if (hindrance) {
      this.stopped();
      this.frame.alert(hindrance);
      return false;
    }
    this.grip = grip;
    this.moves = undefined;
    this.frame.root.classList.add("wb-wiring");
    this.point(undefined);
    this.ask(grip, (moves) => {
      this.moves = moves;
      for (const { name } of this.bench.drawing().nodes) {
        const move = moves[name];
        const group = this.picture.nodeAt(name);
        group?.classList.toggle("wb-can", move?.decisions != null);
        group?.classList.toggle("wb-cannot", move !== undefined && move.decisions === null);
      }
      if (this.aim !== undefined) this.aimAt(this.aim);
    });
    return true;
  }

  private ask(grip: Grip, then: (moves: Moves) => void): void {
    this.then = this.frame.guard(then);
    this.model.send({ kind: "targets", ask: ++this.asked, ...grip });
  }

  private explain(over: string | undefined, event: PointerEvent): void {
    for (const { name } of this.bench.drawing().nodes) this.picture.nodeAt(name)?.classList.toggle("wb-aim", name === over);
    const words = over === undefined ? undefined : this.words(over);
    if (words) this.tip.show(words.text, event.clientX, event.clientY, words.allowed);
    else this.tip.hide();
  }

  /** What dropping on a node does, or why it does nothing; undefined while the kernel has not said. */
  private words(name: string): { text: string; allowed: boolean } | undefined {
    const move = this.moves?.[name] ?? this.moves?.[""];
    if (!move || !this.grip) return undefined;
    if (move.decisions === null) return { text: move.reason, allowed: false };
    const { source, target, end } = this.grip;
    const edge = end === "source" ? { source: name, target } : { source, target: name };
    return { text: [`${end === "" ? "draw" : "move to"} ${this.told(edge)}`, move.also].filter(Boolean).join("; "), allowed: true };
  }

  /** Lets go over a node, or waits with it until the kernel has answered. */
  private drop(over: string | undefined): void {
    const move = over === undefined ? undefined : this.moves?.[over];
    if (over !== undefined && this.moves === undefined) {
      const before = this.then;
      this.then = (moves) => { before(moves); this.drop(over); };
      return;
    }
    const refused = move && move.decisions === null ? move.reason : "";
    this.leave();
    if (move?.decisions) this.bench.edit(move.decisions);
    else if (refused) this.frame.alert(refused);
  }

  private leave(): void {
    this.grip = this.moves = this.aim = undefined;
    this.asked++;
    this.frame.root.classList.remove("wb-wiring");
    put(this.ghost, { visibility: "hidden" });
    this.tip.hide();
    for (const { name } of this.bench.drawing().nodes) this.picture.nodeAt(name)?.classList.remove("wb-can", "wb-cannot", "wb-aim");
  }

  // -- by keyboard

  private keyed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    const done = this.aim !== undefined ? this.steered(key) : this.began(key, event.target as Element);
    if (!done) return;
    event.preventDefault();
    event.stopPropagation();
  }

  private began(key: string, target: Element): boolean {
    if (!this.bench.wires() || !this.picture.element.contains(target)) return false;
    const node = target.closest<SVGElement>("[data-node]")?.dataset["node"];
    const edge = this.edgeOf(target);
    if (key === "e" && node !== undefined) return this.steer({ source: node, target: "", end: "" });
    if (edge && key === "e") return this.steer({ ...edge, end: "target" });
    if (edge && key === "s") return this.steer({ ...edge, end: "source" });
    if (edge && (key === "delete" || key === "backspace")) return this.remove(edge);
    if (node !== undefined && key === "enter" && !target.closest("[data-question], [data-fold]")) return this.steer({ source: node, target: "", end: "" });
    return false;
  }

  private steer(grip: Grip): boolean {
    if (!this.take(grip)) return true;
    this.frame.say(`${grip.end === "" ? "drawing an edge" : "moving the edge"}: arrows choose a node, Enter takes it, Escape leaves`);
    const [first] = this.around(grip);
    if (first) this.aim = first.name;
    this.aimAt(this.aim ?? "");
    return true;
  }

  private steered(key: string): boolean {
    const nodes = this.grip ? this.around(this.grip) : [];
    const at = nodes.findIndex(({ name }) => name === this.aim);
    const step = { arrowright: 1, arrowdown: 1, arrowleft: -1, arrowup: -1 }[key];
    if (step) this.aimAt(nodes[(at + step + nodes.length) % nodes.length]?.name ?? "");
    else if (key === "enter" || key === " ") this.drop(this.aim);
    else if (key === "escape" || key === "tab") {
      this.leave();
      this.frame.say("left");
      return key === "escape";
    } else return false;
    return true;
  }

  private aimAt(name: string): void {
    this.aim = name;
    for (const node of this.bench.drawing().nodes) this.picture.nodeAt(node.name)?.classList.toggle("wb-aim", node.name === name);
    const box = this.picture.nodeAt(name)?.getBoundingClientRect();
    const words = this.words(name);
    if (!box || !this.grip) return;
    this.drawGhost(this.grip, name, { x: box.right, y: box.bottom });
    if (!words) return;
    this.tip.show(words.text, box.right - 8, box.bottom - 8, words.allowed);
    this.frame.say(`${this.label(name)}: ${words.allowed ? "" : "not possible, "}${words.text}`);
  }

  /** The nodes that the keyboard goes through, from the one after the node that the edge begins or ended at. */
  private around({ source, target, end }: Grip): NodeMark[] {
    const nodes = [...this.bench.drawing().nodes].sort((a, b) => a.x - b.x || a.y - b.y);
    const from = nodes.findIndex(({ name }) => name === (end === "target" ? target : source));
    return [...nodes.slice(from + 1), ...nodes.slice(0, from)].filter(({ name }) => name !== source && name !== target);
  }

  private remove(edge: { source: string; target: string }): boolean {
    const hindrance = this.bench.hindrance();
    if (hindrance) this.frame.alert(hindrance);
    else {
      this.ask({ ...edge, end: "gone" }, (moves) => {
        const move = moves[""];
        if (move?.decisions) this.bench.edit(move.decisions);
        else this.frame.alert(move?.reason ?? "");
      });
    }
    return true;
  }

  // -- where things are

  private drawGhost(grip: Grip, over: string | undefined, at: Point): void {
    const other = { "": "", source: "target", target: "source", gone: "gone" } as const; // the end that stays
    const from = anchor({ ...grip, end: other[grip.end] }, this.picture);
    const to = (over === undefined || !from ? undefined : border(over, from, this.picture)) ?? onPage(at, this.picture);
    if (from) put(this.ghost, { d: `M${from.x},${from.y}L${to.x},${to.y}`, visibility: "visible" });
  }

  private edgeOf(target: Element): { source: string; target: string } | undefined {
    const group = target.closest("[data-edge]");
    const edge = group && this.bench.drawing().edges.find((one) => this.picture.edgeAt(nameOf(one)) === group);
    return edge ? { source: edge.source, target: edge.target } : undefined;
  }

  private told({ source, target }: { source: string; target: string }): string {
    return `${this.label(source)} → ${this.label(target)}`;
  }

  private label(name: string): string {
    const node = this.bench.drawing().nodes.find((one) => one.name === name);
    return node && node.op === "" ? node.label : name;
  }
}

/** Makes something that asks nothing a stop of the Tab key. */
function reach(group: SVGGElement | undefined, words: string): void {
  if (group && !group.hasAttribute("tabindex")) put(group, { tabindex: 0, role: "button", "aria-label": words });
}
