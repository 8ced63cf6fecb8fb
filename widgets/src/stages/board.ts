// The stages as a graph from left to right, or below each other where there is no room for that; one button a node.

import { html, put, svg } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { arrow, type Looks, type Node, paint, type Run, sign } from "./state";

interface Acts { open(name: string): void; unfold(id: string): void }
interface Shown { node: Node; box: HTMLElement; button: HTMLButtonElement; sign: HTMLElement; time: HTMLElement; words: HTMLElement;
  reason: HTMLElement; bar: HTMLElement; cells: HTMLElement[]; strip: HTMLElement | undefined }
interface Place { x: number; y: number; w: number }

const MOST_CELLS = 105; // stages that are shown as cells; of more, their shares are
const GAP = 12, LANE = 10, NARROW = 620; // pixels: between stacked nodes, between lanes of lines; a width that needs stacking

export class Board {
  readonly element = html("div", { class: "wb-flow" });
  private readonly lines = svg("svg", { class: "wb-lines", "aria-hidden": "true" });
  private readonly sheet = html("div", { class: "wb-sheet", role: "group", "aria-label": "Stages" });
  private shown = new Map<string, Shown>();
  private current = "";
  private width = 0;

  constructor(private readonly frame: Frame, private readonly run: Run, private readonly looks: Looks, private readonly acts: Acts) {
    this.element.append(this.sheet);
    this.sheet.addEventListener("keydown", frame.guard((event: KeyboardEvent) => this.keyed(event)));
  }

  /** Makes the nodes anew: the stages are other ones. */
  build(): void {
    this.shown = new Map(this.run.graph.nodes.map((node) => [node.id, this.node(node)]));
    if (!this.shown.has(this.current)) this.current = this.run.graph.nodes[0]?.id ?? "";
    this.sheet.replaceChildren(this.lines, ...[...this.shown.values()].map((one) => one.box));
    this.lay(this.width);
  }

  /** Says how every stage stands now, without moving anything. */
  tell(chosen: string, unfolded: string): void {
    const { run, looks } = this;
    for (const one of this.shown.values()) {
      const members = run.members(one.node);
      const [first] = members;
      if (!first) continue;
      const folded = one.node.stages.length > 1;
      const state = run.worst(members);
      paint(one.box, looks, state);
      one.sign.textContent = sign(looks, state);
      one.words.textContent = folded ? run.brief(members) : run.words(first);
      one.reason.textContent = folded ? `by ${one.node.axes.map(([name]) => name).join(", ") || "stage"}` : run.reason(first);
      one.time.textContent = folded ? `× ${members.length}` : run.time(first);
      one.bar.style.width = `${(100 * members.reduce((sum, stage) => sum + run.share(stage), 0) / members.length).toFixed(1)}%`;
      one.cells.forEach((cell, i) => {
        const stage = members[i];
        if (!stage || (cell.dataset["state"] === stage.state && stage.name !== chosen && !cell.classList.contains("wb-chosen"))) return;
        paint(cell, looks, stage.state);
        cell.textContent = sign(looks, stage.state);
        cell.classList.toggle("wb-chosen", stage.name === chosen);
      });
      if (one.strip && !one.cells.length) this.shares(one.strip, one.node);
      const open = folded ? one.node.id === unfolded : one.node.id === chosen || first.name === chosen;
      one.box.classList.toggle("wb-chosen", open || one.node.stages.includes(chosen));
      const needs = one.node.needs.length ? ` Needs ${one.node.needs.join(", ")}.` : "";
      put(one.button, {
        "aria-label": (folded ? `${one.node.id}, ${members.length} stages: ${run.counts(members)}.` : `${run.sentence(first)}.`) + needs,
        "aria-expanded": String(open), tabindex: one.node.id === this.current ? 0 : -1,
        title: folded ? `${run.counts(members)}\n${open ? "Fold" : "Unfold"} the ${members.length} stages` : run.sentence(first),
      });
    }
  }

  /** Puts the nodes where they belong in this width. */
  lay(width: number): void {
    this.width = width;
    const { graph } = this.run;
    if (width <= 0) return;
    const stacked = width < Math.min(NARROW, graph.width);
    const places = stacked ? this.stacked(width) : new Map(graph.nodes.map((node) => [node.id, { x: node.x, y: node.y, w: node.w }]));
    let height = 0;
    for (const one of this.shown.values()) {
      const place = places.get(one.node.id) as Place;
      Object.assign(one.box.style, { left: `${place.x}px`, top: `${place.y}px`, width: `${place.w}px`, height: `${one.node.h}px` });
      height = Math.max(height, place.y + one.node.h);
    }
    put(this.element, { "data-layout": stacked ? "stacked" : "graph" });
    const wide = stacked ? width : graph.width;
    Object.assign(this.sheet.style, { width: `${wide}px`, height: `${height}px` });
    put(this.lines, { width: wide, height, viewBox: `0 0 ${wide} ${height}` });
    const arrows = stacked ? this.rails(places) : graph.lines.flatMap((line) => [
      svg("path", { d: line.path, class: "wb-line" }), svg("path", { d: line.head, class: "wb-tip-of" })]);
    this.lines.replaceChildren(...arrows);
  }

  /** Brings a node to where it is seen, sideways only. */
  reveal(id: string): void {
    const box = this.shown.get(id)?.box;
    if (!box) return;
    const [left, right] = [at(box).x, at(box).x + box.offsetWidth + 8];
    const { scrollLeft, clientWidth } = this.element;
    if (left < scrollLeft) this.element.scrollLeft = left;
    else if (right > scrollLeft + clientWidth) this.element.scrollLeft = right - clientWidth;
  }

  focus(id: string): void { this.shown.get(id)?.button.focus(); }

  // -- one node

  private node(node: Node): Shown {
    const { frame, acts } = this;
    const folded = node.stages.length > 1;
    const part = (name: string) => html("span", { class: name });
    const [mark, time, words, reason, bar] = [part("wb-sign"), part("wb-time"), part("wb-state"), part("wb-reason"), html("i")];
    mark.setAttribute("aria-hidden", "true");
    const button = html("button", { type: "button", "data-node": node.id },
      html("span", { class: "wb-line-one" }, mark, html("b", {}, node.id), time), words, reason, html("span", { class: "wb-share" }, bar));
    const open = () => (folded ? acts.unfold(node.id) : acts.open(node.stages[0] as string));
    button.addEventListener("click", frame.guard(() => {
      this.current = node.id;
      open();
    }));
    const strip = folded ? html("div", { class: "wb-strip", "aria-hidden": "true" }) : undefined;
    const cells = folded && node.stages.length <= MOST_CELLS ? node.stages.map((name) => html("span", { class: "wb-cell", title: name })) : [];
    strip?.append(...cells);
    strip?.addEventListener("click", frame.guard((event: MouseEvent) => {
      const i = cells.indexOf(event.target as HTMLElement);
      if (i >= 0) acts.open(node.stages[i] as string);
      else open();
    }));
    const box = html("div", { class: `wb-stage${folded ? " wb-folded" : ""}` }, button, ...(strip ? [strip] : []));
    return { node, box, button, sign: mark, time, words, reason, bar, cells, strip };
  }

  /** Of many stages: how large a part of them is in each state. */
  private shares(strip: HTMLElement, node: Node): void {
    const counts = new Map<string, number>();
    for (const stage of this.run.sorted(this.run.members(node)).reverse()) counts.set(stage.state, (counts.get(stage.state) ?? 0) + 1);
    strip.replaceChildren(...[...counts].map(([state, count]) => {
      const one = html("span", { class: "wb-cell", style: `flex:${count} 1 0`, title: `${count} ${state}` }, sign(this.looks, state));
      paint(one, this.looks, state);
      return one;
    }));
  }

  // -- stacked nodes

  private stacked(width: number): Map<string, Place> {
    const { graph } = this.run;
    const order = [...graph.nodes].sort((a, b) => a.x - b.x || a.y - b.y);
    const left = 16 + LANE * this.lanes(order.map((node) => node.id)).size;
    let y = 0;
    return new Map(order.map((node) => {
      const place = { x: left, y, w: width - left };
      y += node.h + GAP;
      return [node.id, place];
    }));
  }

  /** Node that others need -> the lane in which its line runs down to the last of them. */
  private lanes(order: string[]): Map<string, number> {
    const row = new Map(order.map((id, i) => [id, i]));
    const [free, found] = [[] as number[], new Map<string, number>()];
    for (const id of order) {
      const ends = this.run.graph.lines.filter((line) => line.from === id).map((line) => row.get(line.to) as number);
      if (!ends.length) continue;
      let lane = free.findIndex((until) => until < (row.get(id) as number));
      if (lane < 0) lane = free.push(0) - 1;
      free[lane] = Math.max(...ends);
      found.set(id, lane);
    }
    return found;
  }

  private rails(places: Map<string, Place>): SVGElement[] {
    const order = [...places.keys()];
    const lanes = this.lanes(order);
    const middle = (id: string) => (places.get(id) as Place).y + 22;
    return this.run.graph.lines.flatMap((line) => {
      const x = (places.get(line.to) as Place).x;
      const lane = 6 + LANE * (lanes.get(line.from) ?? 0);
      const [a, b] = [middle(line.from) + 8, middle(line.to) - 4];
      return [
        svg("path", { d: `M${x},${a}H${lane + 6}q-6,0 -6,6V${b - 6}q0,6 6,6H${x - 8}`, class: "wb-line" }),
        svg("path", { d: `M${x - 1},${b}l-8,-4.5v9Z`, class: "wb-tip-of" }),
      ];
    });
  }

  // -- keys

  /** Arrow keys go to the nearest node in their direction. */
  private keyed(event: KeyboardEvent): void {
    const from = this.shown.get((event.target as HTMLElement).dataset["node"] ?? "");
    if (!from || event.ctrlKey || event.metaKey || event.altKey) return;
    const order = [...this.shown.values()].sort((a, b) => at(a.box).x - at(b.box).x || at(a.box).y - at(b.box).y);
    const [dx, dy] = arrow(event.key);
    const here = at(from.box);
    const next = event.key === "Home" ? order[0] : event.key === "End" ? order.at(-1) : dx || dy ? order
      .filter((one) => one !== from && (at(one.box).x - here.x) * dx + (at(one.box).y - here.y) * dy > 4)
      .map((one) => ({ one, far: Math.abs(at(one.box).x - here.x) * (dx ? 1 : 3) + Math.abs(at(one.box).y - here.y) * (dy ? 1 : 3) }))
      .sort((a, b) => a.far - b.far)[0]?.one : undefined;
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    this.current = next.node.id;
    for (const one of this.shown.values()) put(one.button, { tabindex: one === next ? 0 : -1 });
    next.button.focus();
    next.box.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

function at(box: HTMLElement): { x: number; y: number } {
  return { x: parseFloat(box.style.left) || 0, y: parseFloat(box.style.top) || 0 };
}
