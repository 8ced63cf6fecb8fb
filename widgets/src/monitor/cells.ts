// Small drawings of architectures, from the shapes and inks that the kernel says once for all of them.

import { html, svg } from "../shared/dom";
import type { Model } from "../shared/model";

type Ink = [label: string, colour: string, dark: string, dashed: boolean, resting: boolean];
type Edge = [path: string, arrow: string, x: number, y: number, room: number, question: string];
type Spot = [x: number, y: number, width: number, height: number, role: string, question: string];
type Shape = [width: number, height: number, edges: Edge[], nodes: Spot[]];
export interface Drawn { shapes: Shape[]; inks: Ink[]; drawn: Record<string, [number, number[], number[]]> }

const LETTER = 0.62; // width of a letter, in sizes
const LEAST = 8; // pixels of a letter that can be read

export class Cells {
  constructor(private readonly model: Model) {}

  private get state(): Drawn { return this.model.get("cells") as Drawn; }

  has(name: string): boolean { return Object.hasOwn(this.state.drawn, name); }

  /** Adds what came after so many shapes and inks; false where something in between has been missed. */
  add(fresh: Drawn[], shapes: number, inks: number): boolean {
    const { state } = this;
    for (const more of fresh) {
      if (shapes > state.shapes.length || inks > state.inks.length) return false;
      state.shapes.push(...more.shapes.slice(state.shapes.length - shapes));
      state.inks.push(...more.inks.slice(state.inks.length - inks));
      Object.assign(state.drawn, more.drawn);
      shapes += more.shapes.length;
      inks += more.inks.length;
    }
    return true;
  }

  replace(all: Drawn): void {
    const { state } = this;
    state.shapes.splice(0, Infinity, ...all.shapes);
    state.inks.splice(0, Infinity, ...all.inks);
    Object.assign(state.drawn, all.drawn);
  }

  /**
   * The drawing of an architecture, about `width` pixels wide; its string where it has not been drawn. `pick` is told
   * the question that a part answers; each such part is then a button. Parts of the `changed` questions are marked.
   */
  show(
    name: string, width: number, pick?: { label(question: string): string; run(question: string): void }, changed?: Set<string>,
  ): Element {
    const found = this.state.drawn[name];
    const shape = found && this.state.shapes[found[0]];
    if (!found || !shape) return html("code", { class: "wb-name" }, name);
    const [wide, high, edges, nodes] = shape;
    const size = 11 * (wide / width);
    const least = LEAST * (wide / width);
    const letters = (label: string, room: number): number => {
      const fits = Math.min(size, room / (LETTER * Math.max(label.length, 1)));
      return fits >= least ? fits : 0;
    };
    const ink = (numbers: number[], i: number) => this.state.inks[numbers[i] as number] ?? ["", "", "", false, false] as Ink;
    const part = (group: SVGGElement, question: string): SVGGElement => {
      group.classList.toggle("wb-is-new", changed?.has(question) ?? false);
      if (!pick || !question) return group;
      group.dataset["question"] = question;
      for (const [key, value] of [["tabindex", "0"], ["role", "button"], ["aria-label", pick.label(question)]] as const) group.setAttribute(key, value);
      const run = () => pick.run(question);
      group.addEventListener("click", run);
      group.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        run();
      });
      return group;
    };
    const lines = edges.map(([path, arrow, x, y, , question], i) => {
      const one = ink(found[1], i);
      return part(svg("g", { class: one[4] ? "wb-line wb-resting" : "wb-line", style: coloured(one) },
        svg("path", { d: path, class: "wb-under-line" }),
        svg("path", { d: path, class: "wb-stroke", "stroke-dasharray": one[3] ? "9 9" : undefined }),
        svg("path", { d: arrow, class: "wb-tip-of" }),
        ...label(one[3] ? "" : one[0], x, y, letters(one[0], 1.35 * Math.max(edges[i]?.[4] ?? 0, 40)), "wb-label")), question);
    });
    const boxes = nodes.map(([x, y, w, h, role, question], i) => {
      const one = ink(found[2], i);
      return part(svg("g", { class: `wb-node wb-${role}${one[4] ? " wb-dead" : ""}`, style: coloured(one) },
        svg("rect", { x: x - w / 2, y: y - h / 2, width: w, height: h, rx: w === h ? h / 2 : 9 }),
        ...label(one[0], x, y, letters(one[0], 0.95 * w), "")), question);
    });
    return svg("svg", {
      viewBox: `0 0 ${wide} ${high}`, class: "wb-cell", style: `max-width:${width}px`,
      ...(pick ? { role: "group", "aria-label": name } : { role: "img", "aria-label": name }),
    }, ...lines, ...boxes);
  }
}

function label(words: string, x: number, y: number, size: number, name: string): SVGTextElement[] {
  if (!words || !size) return [];
  return [svg("text", { x, y: y + size * 0.35, "font-size": size.toFixed(1), "text-anchor": "middle", class: name }, words)];
}

function coloured([, colour, dark]: Ink): string {
  return colour ? `--dot: light-dark(${colour}, ${dark})` : "";
}
