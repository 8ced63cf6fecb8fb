// The chart of a monitor: every trial a point coloured by its time, with curves over trials or the front of two objectives.

import { html, put, svg } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { Soon } from "../shared/soon";
import { tickLabels, ticks, View } from "../map/scale";

export interface Point { i: number; x: number; y: number; share: number; hollow: boolean }
export interface Line { at: number[]; y: number[]; kind: "best" | "seed" | "reference" | "front"; steps: boolean; name: string }
export interface Band { at: number[]; low: number[]; high: number[]; kind: "seeds" | "reference" }
export interface Scene {
  x: { range: [number, number]; label: string; whole: boolean }; y: { range: [number, number]; label: string };
  points: Point[]; ringed: number[]; lines: Line[]; bands: Band[]; level: number | null; empty: string;
}
export interface Works { open(i: number): void; hover(i: number): void; words(i: number): string }

const LEFT = 58, RIGHT = 12, TOP = 8, BOTTOM = 38;
const NEAR = 12; // pixels

export class Chart {
  readonly element: HTMLElement;
  private readonly canvas = html("canvas", { "aria-hidden": "true" });
  private readonly under = svg("svg", { "aria-hidden": "true" });
  private readonly over = svg("svg", { class: "wb-chart", "aria-hidden": "true" });
  private readonly tip = html("div", { class: "wb-tip", hidden: true });
  private readonly soon: Soon;
  private scene: Scene | undefined;
  private view = new View([0, 1], [0, 1]);
  private marked = -1;
  private pointed = -1;
  private chosen = new Set<number>();

  constructor(private readonly frame: Frame, private readonly ramp: string[], private readonly works: Works, height: number) {
    this.element = html("div", { class: "wb-plot", style: `height:${height}px`, tabindex: 0, role: "application" },
      this.under, this.canvas, this.over, this.tip);
    this.soon = new Soon(this.element, frame.guard((width, height) => this.draw(width, height)));
    this.element.addEventListener("pointermove", frame.guard((event) => this.point(this.near(event))));
    this.element.addEventListener("pointerleave", frame.guard(() => this.point(-1)));
    this.element.addEventListener("click", frame.guard((event) => {
      const i = this.near(event);
      if (i >= 0) this.works.open(i);
    }));
    this.element.addEventListener("keydown", frame.guard((event) => this.pressed(event)));
    this.element.addEventListener("blur", frame.guard(() => this.point(-1)));
  }

  show(scene: Scene, label: string): void {
    this.scene = scene;
    put(this.element, { "aria-label": `${label} Arrow keys go from trial to trial, Enter opens one.` });
    this.soon.ask();
  }

  /** Marks the row that is open, and the rows that are selected elsewhere. */
  mark(row: number, chosen: Iterable<number>): void {
    this.marked = row;
    this.chosen = new Set(chosen);
    this.soon.ask();
  }

  again(): void { this.soon.ask(); }
  stop(): void { this.soon.stop(); }

  // -- drawing

  private draw(width: number, height: number): void {
    const { scene } = this;
    if (!scene) return;
    this.view = new View(scene.x.range, scene.y.range, LEFT, TOP, Math.max(10, width - LEFT - RIGHT), Math.max(10, height - TOP - BOTTOM));
    for (const layer of [this.under, this.over]) put(layer, { viewBox: `0 0 ${width} ${height}` });
    this.under.replaceChildren(...this.grid(scene, width, height));
    this.over.replaceChildren(...this.curves(scene), ...this.rings(scene));
    this.paint(scene, width, height);
    this.element.dataset["points"] = String(scene.points.length);
  }

  private grid(scene: Scene, width: number, height: number): SVGElement[] {
    const { view } = this;
    const rows = ticks(...scene.y.range, Math.max(2, Math.round(height / 55)));
    const names = tickLabels(rows);
    const parts: SVGElement[] = rows.flatMap((value, k) => {
      const y = view.py(value);
      return [svg("path", { d: `M${LEFT},${y.toFixed(1)}H${width - RIGHT}`, class: "wb-grid" }),
        svg("text", { x: LEFT - 7, y: y + 4, "text-anchor": "end", class: "wb-tick" }, names[k] ?? "")];
    });
    const across = ticks(...scene.x.range, Math.max(2, Math.round(width / 90))).filter((value) => !scene.x.whole || value === Math.round(value));
    const under = tickLabels(across);
    across.forEach((value, k) => parts.push(
      svg("text", { x: view.px(value), y: height - BOTTOM + 16, "text-anchor": "middle", class: "wb-tick" }, under[k] ?? "")));
    const middle = TOP + view.height / 2;
    parts.push(svg("text", { x: LEFT + view.width / 2, y: height - 5, "text-anchor": "middle", class: "wb-tick" }, scene.x.label),
      svg("text", { transform: `translate(12 ${middle}) rotate(-90)`, "text-anchor": "middle", class: "wb-tick" }, scene.y.label));
    if (scene.empty) parts.push(svg("text", { x: LEFT + view.width / 2, y: middle, "text-anchor": "middle", class: "wb-tick" }, scene.empty));
    return parts;
  }

  private curves(scene: Scene): SVGElement[] {
    const level = scene.level === null ? [] : [svg("path", {
      d: `M${LEFT},${this.clamped(scene.level).toFixed(1)}H${LEFT + this.view.width}`, class: "wb-curve wb-optimum",
    }), svg("text", { x: LEFT + this.view.width - 2, y: this.clamped(scene.level) - 4, "text-anchor": "end", class: "wb-tick" }, "best in the table")];
    const bands = scene.bands.map((band) => {
      const there = this.corners(band.at, band.high, band.kind === "seeds");
      const back = this.corners(band.at, band.low, band.kind === "seeds").reverse();
      return svg("path", { d: there.length ? `M${[...there, ...back].join("L")}Z` : "", class: `wb-band wb-band-${band.kind}` });
    });
    const lines = scene.lines.map((line) => {
      const corners = this.corners(line.at, line.y, line.steps);
      return svg("path", { d: corners.length ? `M${corners.join("L")}` : "", class: `wb-curve wb-${line.kind}` });
    });
    return [...bands, ...level, ...lines];
  }

  /** "x,y" of a line's corners within the chart: what lies outside runs along the edge. */
  private corners(at: number[], y: number[], steps: boolean): string[] {
    const corners: string[] = [];
    let before: number | undefined;
    const [first, last] = this.view.x;
    at.forEach((one, k) => {
      let [x, value] = [one, y[k] ?? NaN];
      const [x0, y0] = [at[k - 1] ?? NaN, y[k - 1] ?? NaN];
      if (x > last && x0 < last && !steps) [x, value] = [last, y0 + ((last - x0) / (x - x0)) * (value - y0)];
      if (Number.isNaN(value) || x > last || x < first) return;
      const [px, py] = [this.view.px(x).toFixed(1), this.clamped(value)];
      if (steps && before !== undefined) corners.push(`${px},${before.toFixed(1)}`);
      corners.push(`${px},${py.toFixed(1)}`);
      before = py;
    });
    return corners;
  }

  private clamped(value: number): number {
    const { top, height } = this.view;
    return Math.min(top + height, Math.max(top, this.view.py(value)));
  }

  private rings(scene: Scene): SVGElement[] {
    const at = new Map(scene.points.map((point) => [point.i, point]));
    const ring = (i: number, radius: number, name: string) => {
      const point = at.get(i);
      return point ? [svg("circle", { cx: this.view.px(point.x), cy: this.clamped(point.y), r: radius, class: name })] : [];
    };
    return [...scene.ringed.flatMap((i) => ring(i, 5, "wb-on-front")), ...ring(this.pointed, 6, "wb-pointed"), ...ring(this.marked, 6, "wb-marked")];
  }

  private paint(scene: Scene, width: number, height: number): void {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const context = this.canvas.getContext("2d");
    if (!context) return;
    context.scale(ratio, ratio);
    const radius = scene.points.length > 3000 ? 1.6 : scene.points.length > 600 ? 2.2 : 3;
    const picked = this.chosen.size > 0;
    const [low, high] = bright(getComputedStyle(this.element).color) ? [0.2, 1] : [0, 0.93]; // where the paper is near, the scale is cut
    for (const { i, x, y, share, hollow } of scene.points) {
      const [px, py] = [this.view.px(x), this.view.py(y)];
      if (!this.view.holds(px, py)) continue;
      context.globalAlpha = picked && !this.chosen.has(i) ? 0.15 : hollow ? 0.9 : 0.75;
      const colour = this.ramp[Math.round((low + Math.min(1, share) * (high - low)) * (this.ramp.length - 1))] ?? "#888";
      context.beginPath();
      context.arc(px, py, radius, 0, 2 * Math.PI);
      context[hollow ? "strokeStyle" : "fillStyle"] = colour;
      if (hollow) context.stroke();
      else context.fill();
    }
  }

  // -- pointing

  private near(event: PointerEvent | MouseEvent): number {
    const box = this.element.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let [found, least] = [-1, NEAR * NEAR];
    for (const point of this.scene?.points ?? []) {
      const [dx, dy] = [this.view.px(point.x) - x, this.view.py(point.y) - y];
      const far = dx * dx + dy * dy;
      if (far < least) [found, least] = [point.i, far];
    }
    return found;
  }

  private point(i: number): void {
    if (i === this.pointed) return;
    this.pointed = i;
    this.works.hover(i);
    const point = this.scene?.points.find((one) => one.i === i);
    this.tip.hidden = !point;
    if (point) {
      this.tip.textContent = this.works.words(i);
      const left = this.view.px(point.x);
      const right = left > this.element.clientWidth / 2;
      Object.assign(this.tip.style, {
        left: right ? "" : `${left + 12}px`, right: right ? `${this.element.clientWidth - left + 12}px` : "",
        top: `${Math.max(0, this.clamped(point.y) - 30)}px`,
      });
    }
    this.element.style.cursor = point ? "pointer" : "default";
    this.soon.ask();
  }

  private pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const points = this.scene?.points ?? [];
    const start = points.findIndex((one) => one.i === (this.pointed >= 0 ? this.pointed : this.marked));
    const steps: Record<string, number> = { ArrowRight: start + 1, ArrowLeft: start < 0 ? points.length - 1 : start - 1, Home: 0, End: points.length - 1 };
    const next = steps[event.key];
    if (next !== undefined && points.length) {
      const i = (points[Math.max(0, Math.min(points.length - 1, next))] as Point).i;
      this.point(i);
      this.frame.say(this.works.words(i));
    } else if (event.key === "Enter" && this.pointed >= 0) this.works.open(this.pointed);
    else if (event.key === "Escape") this.point(-1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** Whether a computed colour is nearer to white than to black. */
function bright(colour: string): boolean {
  const channels = (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
  return channels.reduce((a, b) => a + b, 0) > 380;
}
