// Two objectives as a scatter: what is beaten as quiet dots, the front above it, what the limits forbid shaded.

import { tickLabels, ticks, View } from "../map/scale";
import { html, put, svg } from "../shared/dom";
import type { Frame } from "../shared/frame";
import type { Front, Objective } from "./state";

const MARGIN = { left: 54, top: 10, right: 12, bottom: 42 };
const REACH = 12; // pixels from a point within which the pointer means it
const CLICK = 4; // pixels a press may wander and still be a click

/** What all panels of a picker show alike. */
export interface Shown {
  allowed: boolean[]; limits: (number | null)[]; picked: number; knee: number; marked: number; hovered: number;
  current: number; selected: Uint32Array; homes: [number, number][];
}

/** What a hand does on a panel; rows are the table's, -1 for none. */
export interface Acts {
  look(row: number, at: [number, number] | undefined, panel: Panel): void;
  click(row: number): void;
  select(rows: Uint32Array): void;
  step(member: number): void;
  take(): void;
}

export class Panel {
  readonly element: HTMLElement;
  private readonly dots = html("canvas", { class: "wb-dots", "aria-hidden": "true" });
  private readonly picture: SVGSVGElement;
  private readonly axes = svg("g", { class: "wb-axes" });
  private readonly forbidden = svg("g", { class: "wb-forbidden" });
  private readonly marks = svg("g");
  private readonly frame = svg("rect", { class: "wb-lasso", visibility: "hidden" });
  private readonly view = new View([0, 1], [0, 1]);
  private painted = "";
  private press: { from: [number, number]; moved: boolean } | undefined;
  private shown: Shown | undefined;

  constructor(
    private readonly front: Front, readonly across: number, readonly up: number, height: number, private readonly acts: Acts, frame: Frame,
  ) {
    const words = `${this.objective(up).label} against ${this.objective(across).label}`;
    this.picture = svg("svg", {
      role: "application", tabindex: 0,
      "aria-label": `${words}. Arrow keys go along the front, Enter picks, Escape clears the selection, dragging selects.`,
    }, this.axes, this.forbidden, this.marks, this.frame);
    this.element = html("div", { class: "wb-panel", style: `height:${height}px` }, this.dots, this.picture);
    const on = <K extends keyof SVGElementEventMap>(name: K, work: (event: SVGElementEventMap[K]) => void) =>
      this.picture.addEventListener(name, frame.guard(work));
    on("pointerdown", (event) => this.pressed(event));
    on("pointermove", (event) => this.moved(event));
    on("pointerup", (event) => this.released(event));
    on("pointercancel", () => this.drop());
    on("pointerleave", () => acts.look(-1, undefined, this));
    on("keydown", (event) => this.keyed(event));
  }

  private objective(i: number): Objective { return this.front.objectives[i] as Objective; }

  // -- what is drawn

  draw(shown: Shown): void {
    this.shown = shown;
    const { clientWidth: width, clientHeight: height } = this.element;
    if (width === 0 || height === 0) return;
    Object.assign(this.view, {
      left: MARGIN.left, top: MARGIN.top, width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom,
      x: shown.homes[this.across], y: shown.homes[this.up],
    });
    put(this.picture, { viewBox: `0 0 ${width} ${height}`, width, height });
    this.ground(width, height);
    this.drawForbidden(shown);
    this.drawMarks(shown);
  }

  /** Axes and beaten points, again only where size, view or theme are others. */
  private ground(width: number, height: number): void {
    const ratio = window.devicePixelRatio || 1;
    const { color: colour, outlineColor: line } = getComputedStyle(this.dots);
    const key = [width, height, ratio, colour, line, ...this.view.x, ...this.view.y].join(" ");
    if (key === this.painted) return;
    this.painted = key;
    this.dots.width = Math.round(width * ratio);
    this.dots.height = Math.round(height * ratio);
    const context = this.dots.getContext("2d");
    if (!context) throw new Error("this browser gives no canvas to draw on");
    context.scale(ratio, ratio);
    this.drawAxes(context, line);
    context.fillStyle = colour;
    context.globalAlpha = 0.2;
    const [x, y] = [this.front.columns[this.across], this.front.columns[this.up]] as [Float32Array, Float32Array];
    for (let row = 0; row < x.length; row++) {
      const [px, py] = [this.view.px(x[row] as number), this.view.py(y[row] as number)];
      if (this.inside(px, py) && !this.front.place.has(row)) context.fillRect(px - 1.1, py - 1.1, 2.2, 2.2);
    }
  }

  private inside(px: number, py: number): boolean {
    const { left, top, width, height } = this.view;
    return px >= left && px <= left + width && py >= top && py <= top + height;
  }

  /** Ticks as text, and their lines on the canvas, so that they lie below the points. */
  private drawAxes(context: CanvasRenderingContext2D, line: string): void {
    context.fillStyle = line;
    const { left, top, width, height } = this.view;
    const [x, y] = [this.objective(this.across), this.objective(this.up)];
    const parts: SVGElement[] = [];
    const each = (span: [number, number], factor: number, about: number, draw: (value: number, label: string) => void) => {
      const values = ticks(span[0] / factor, span[1] / factor, about);
      tickLabels(values).forEach((label, i) => draw((values[i] as number) * factor, label));
    };
    each(this.view.y, y.factor, height / 50, (value, label) => {
      const py = Math.round(this.view.py(value));
      context.fillRect(left, py, width, 1);
      parts.push(svg("text", { x: left - 7, y: py + 4, "text-anchor": "end" }, label));
    });
    each(this.view.x, x.factor, width / 80, (value, label) =>
      parts.push(svg("text", { x: this.view.px(value), y: top + height + 16, "text-anchor": "middle" }, label)));
    const arrow = (objective: Objective, [less, more]: [string, string]) =>
      objective.better === "higher" ? `${objective.label} ${more}` : `${less} ${objective.label}`;
    parts.push(
      svg("text", { x: left + width / 2, y: top + height + 34, "text-anchor": "middle" }, arrow(x, ["←", "→"])),
      svg("text", { transform: `translate(11 ${top + height / 2}) rotate(-90)`, "text-anchor": "middle" }, arrow(y, ["←", "→"])));
    this.axes.replaceChildren(...parts);
  }

  /** What is worse than a limit, shaded, with a line where it begins. */
  private drawForbidden({ limits }: Shown): void {
    const { left, top, width, height } = this.view;
    const parts: SVGElement[] = [];
    const add = (x: number, y: number, w: number, h: number, edge: string) =>
      parts.push(svg("rect", { x, y, width: Math.max(0, w), height: Math.max(0, h) }), svg("path", { d: edge }));
    const [right, low] = [limits[this.across], limits[this.up]];
    if (right != null) {
      const at = Math.min(left + width, Math.max(left, this.view.px(right)));
      if (this.front.sign(this.across) < 0) add(at, top, left + width - at, height, `M${at},${top}v${height}`);
      else add(left, top, at - left, height, `M${at},${top}v${height}`);
    }
    if (low != null) {
      const at = Math.min(top + height, Math.max(top, this.view.py(low)));
      if (this.front.sign(this.up) > 0) add(left, at, width, top + height - at, `M${left},${at}h${width}`);
      else add(left, top, width, at - top, `M${left},${at}h${width}`);
    }
    this.forbidden.replaceChildren(...parts);
  }

  private drawMarks(shown: Shown): void {
    const met: string[] = [];
    const not: string[] = [];
    shown.allowed.forEach((allowed, member) => {
      const at = this.member(member);
      if (at) (allowed ? met : not).push(`M${at[0].toFixed(1)},${at[1].toFixed(1)}h0`);
    });
    const chosen = [...shown.selected].map((row) => this.row(row)).filter((at) => at !== undefined);
    const parts: SVGElement[] = [
      svg("path", { class: "wb-stairs", d: this.front.objectives.length === 2 ? this.stairs() : "" }),
      svg("path", { class: "wb-chosen", d: chosen.map(([x, y]) => `M${x.toFixed(1)},${y.toFixed(1)}h0`).join("") }),
      svg("path", { class: "wb-not-rim", d: not.join("") }), svg("path", { class: "wb-not", d: not.join("") }),
      svg("path", { class: "wb-met-rim", d: met.join("") }), svg("path", { class: "wb-met", d: met.join("") }),
    ];
    const knee = this.row(shown.knee);
    if (knee) parts.push(svg("path", { class: "wb-knee", d: `M${knee[0]},${knee[1] - 11}l11,11l-11,11l-11,-11Z` }));
    const ring = (row: number, radius: number, kind: string) => {
      const at = this.row(row);
      if (at) parts.push(svg("circle", { class: kind, cx: at[0], cy: at[1], r: radius }));
    };
    if (shown.marked !== shown.picked) ring(shown.marked, 9.5, "wb-marked");
    ring(shown.picked, 7, "wb-picked");
    ring(shown.hovered, 5.5, "wb-pointed");
    if (shown.current >= 0) ring(this.front.rows[shown.current] as number, 9, "wb-current");
    this.marks.replaceChildren(...parts);
  }

  /** The line between what is reached and what is not. */
  private stairs(): string {
    const order = Array.from(this.front.rows, (_, m) => m).sort((a, b) => this.value(this.across, a) - this.value(this.across, b));
    const low = this.front.sign(this.across) < 0;
    return order.map((member, i) => {
      const [x, y] = [this.view.px(this.value(this.across, member)), this.view.py(this.value(this.up, member))];
      return i === 0 ? `M${x},${y}` : low ? `H${x}V${y}` : `V${y}H${x}`;
    }).join("");
  }

  // -- where things are

  private value(objective: number, member: number): number { return this.front.values[objective]?.[member] as number; }

  private member(member: number): [number, number] | undefined {
    return this.at(this.value(this.across, member), this.value(this.up, member));
  }

  /** Where a row of the table is drawn; undefined outside the view. */
  row(row: number): [number, number] | undefined {
    const member = this.front.place.get(row);
    if (member !== undefined) return this.member(member);
    if (row < 0) return undefined;
    return this.at(this.front.columns[this.across]?.[row] ?? NaN, this.front.columns[this.up]?.[row] ?? NaN);
  }

  private at(x: number, y: number): [number, number] | undefined {
    const [px, py] = [this.view.px(x), this.view.py(y)];
    return this.inside(px, py) ? [px, py] : undefined;
  }

  /** The row meant by the pointer: of the front rather than of what it beats; -1 for none. */
  private nearest(px: number, py: number): number {
    const near = (rows: Iterable<number>, reach: number) => {
      let [best, least] = [-1, reach * reach];
      for (const row of rows) {
        const at = this.row(row);
        const d = at ? (at[0] - px) ** 2 + (at[1] - py) ** 2 : Infinity;
        if (d <= least) [best, least] = [row, d];
      }
      return best;
    };
    const member = near(this.front.rows, REACH);
    return member >= 0 ? member : near((this.front.columns[0] as Float32Array).keys(), REACH / 2);
  }

  // -- gestures

  private spot(event: MouseEvent): [number, number] {
    const home = this.picture.getBoundingClientRect();
    return [event.clientX - home.left, event.clientY - home.top];
  }

  private pressed(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.picture.focus({ preventScroll: true });
    this.picture.setPointerCapture(event.pointerId);
    this.press = { from: this.spot(event), moved: false };
    event.preventDefault();
  }

  private moved(event: PointerEvent): void {
    const at = this.spot(event);
    const { press } = this;
    if (!press) return this.acts.look(this.nearest(...at), at, this);
    press.moved ||= Math.hypot(at[0] - press.from[0], at[1] - press.from[1]) > CLICK;
    if (!press.moved) return;
    const [left, right] = [Math.min(at[0], press.from[0]), Math.max(at[0], press.from[0])];
    const [top, bottom] = [Math.min(at[1], press.from[1]), Math.max(at[1], press.from[1])];
    put(this.frame, { x: left, y: top, width: right - left, height: bottom - top, visibility: "visible" });
  }

  private released(event: PointerEvent): void {
    const { press } = this;
    const to = this.spot(event);
    this.drop();
    if (!press) return;
    if (press.moved) return this.acts.select(this.between(press.from, to));
    const row = this.nearest(...to);
    if (row >= 0) this.acts.click(row);
  }

  private drop(): void {
    this.press = undefined;
    put(this.frame, { visibility: "hidden" });
  }

  private between(from: [number, number], to: [number, number]): Uint32Array {
    const rows: number[] = [];
    const within = (value: number, a: number, b: number) => value >= Math.min(a, b) && value <= Math.max(a, b);
    for (const row of (this.front.columns[0] as Float32Array).keys()) {
      const at = this.row(row);
      if (at && within(at[0], from[0], to[0]) && within(at[1], from[1], to[1])) rows.push(row);
    }
    return Uint32Array.from(rows);
  }

  private keyed(event: KeyboardEvent): void {
    const arrows: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const arrow = arrows[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow) this.acts.step(this.beyond(...arrow));
    else if (event.key === "Enter") this.acts.take();
    else if (event.key === "Escape") this.acts.select(new Uint32Array());
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** The front's nearest member in a direction; sideways distance counts threefold. */
  private beyond(dx: number, dy: number): number {
    const { current = -1, picked = -1 } = this.shown ?? {};
    const from = current >= 0 ? current : this.front.place.get(picked) ?? 0;
    const start = this.member(from) ?? [this.view.left, this.view.top];
    let [best, least] = [from, Infinity];
    for (let member = 0; member < this.front.rows.length; member++) {
      const at = this.member(member);
      if (!at || member === from) continue;
      const [x, y] = [at[0] - start[0], at[1] - start[1]];
      const ahead = x * dx + y * dy;
      const cost = ahead + 3 * Math.abs(x * dy - y * dx);
      if (ahead > 0.5 && cost < least) [best, least] = [member, cost];
    }
    return best;
  }
}
