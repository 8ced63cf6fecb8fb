// How alike every two columns rank the architectures: a triangle of squares, each column's name on the diagonal.

import { html, put, svg } from "../shared/dom";
import { colours, gradient } from "./diverging";
import { cut, Panel, redrawn, wide } from "./marks";
import { figure, type Links, type State } from "./state";

const ROOM = 120; // pixels that a name may take
const NUMBERS = 20; // pixels of a square from which on its number fits in

export class Heatmap {
  readonly panel: Panel;
  private readonly picture = svg("svg", { class: "wb-chart wb-heat", role: "application", tabindex: 0 });
  private names: string[] = [];
  private current: [number, number] = [1, 0];
  private state: State | undefined;
  private drawn = "";

  constructor(private readonly links: Links) {
    const ramp = html("i", { class: "wb-ramp", "aria-hidden": "true", style: `background: ${gradient()}` });
    const legend = html("p", { class: "wb-words" }, "opposite −1", ramp, "1 same order. Spearman over all architectures; a square puts its two columns on the scatter.");
    this.panel = new Panel("wb-heatmap", "How alike they rank", html("div", { class: "wb-room" }, this.picture), legend);
    this.picture.addEventListener("click", links.guard((event: MouseEvent) => {
      const square = (event.target as Element).closest<SVGGElement>("[data-at]");
      if (!square) return;
      this.current = (square.dataset["at"] as string).split(" ").map(Number) as [number, number];
      this.pick();
    }));
    this.picture.addEventListener("keydown", links.guard((event: KeyboardEvent) => this.keyed(event)));
  }

  draw(state: State): void {
    this.state = state;
    const truths = state.marks.map((mark) => mark.name);
    const baselines = state.sorted.filter((row) => row.baseline).map((row) => row.name);
    const proxies = state.sorted.filter((row) => !row.baseline).map((row) => row.name);
    this.names = [...truths, ...proxies, ...baselines];
    const { names } = this;
    const width = Math.max(220, this.picture.parentElement?.clientWidth ?? 0);
    const fits = names.slice(1).map((name, i) => (width - Math.min(ROOM, wide(name, 12.5)) - 8) / (i + 1));
    const size = Math.max(9, Math.floor(Math.min(34, ...fits)));
    // Intervals that arrive change nothing here, and this is the view with the most elements.
    const drawn = [width, size, ...names, ...state.chosen, this.current, state.correlations].join("\n");
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const parts = names.flatMap((name, i) => [
      ...names.slice(0, i).map((other, j) => square(state, name, other, i, j, size)),
      svg("text", {
        class: state.chosen.includes(name) ? "wb-name wb-strong" : "wb-name", x: i * size + 6, y: i * size + size / 2 + 4,
        "font-size": Math.min(12, size),
      }, cut(name, ROOM, 11.5)),
    ]);
    put(this.picture, {
      viewBox: `0 0 ${width} ${names.length * size + 2}`, height: names.length * size + 2,
      "aria-label": `Rank correlations of ${names.length} columns with each other. Arrow keys go from square to square, Enter puts its two columns on the scatter.`,
    });
    redrawn(this.picture, parts);
    this.markCurrent(size);
  }

  private markCurrent(size: number): void {
    const [i, j] = this.current;
    this.picture.append(svg("rect", { class: "wb-current", x: j * size, y: i * size, width: size - 1, height: size - 1, rx: 3 }));
  }

  private pick(): void {
    const [x, y] = this.current.map((at) => this.names[at] as string);
    // A truth stands on the y axis, as people expect it.
    const truth = this.state?.column(x as string).kind === "truth";
    this.links.choose((truth ? y : x) as string, (truth ? x : y) as string);
  }

  private keyed(event: KeyboardEvent): void {
    const steps: Record<string, [number, number]> = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[event.key];
    if (event.ctrlKey || event.metaKey) return;
    if (step) {
      const i = Math.max(1, Math.min(this.names.length - 1, this.current[0] + step[0]));
      this.current = [i, Math.max(0, Math.min(i - 1, this.current[1] + step[1]))];
      const [a, b] = this.current.map((at) => this.names[at] as string) as [string, string];
      if (this.state) {
        this.draw(this.state);
        this.links.say(`${a} and ${b}: ${figure(this.state.correlation(a, b), 2)}`);
      }
    } else if (event.key === "Enter" || event.key === " ") this.pick();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function square(state: State, a: string, b: string, i: number, j: number, size: number): SVGGElement {
  const value = state.correlation(a, b);
  const chosen = state.chosen.includes(a) && state.chosen.includes(b);
  const { fill, ink } = colours(value);
  const group = svg("g", { class: chosen ? "wb-square wb-chosen" : "wb-square", "data-at": `${i} ${j}` },
    svg("title", {}, `${a} and ${b}: ${figure(value, 2)}`),
    svg("rect", { x: j * size, y: i * size, width: size - 1, height: size - 1, rx: 3, style: `fill: ${Number.isNaN(value) ? "transparent" : fill}` }));
  if (size >= NUMBERS) {
    const words = figure(value, 2).replace("0.", ".");
    group.append(svg("text", {
      x: j * size + (size - 1) / 2, y: i * size + size / 2 + 3.2, "text-anchor": "middle",
      style: `fill: ${ink}; font-size: ${Math.min(10, size * 0.4).toFixed(1)}px`,
    }, words));
  }
  return group;
}
