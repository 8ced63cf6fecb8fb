// The family tree on canvas: trials across, values up, a line from every parent to its child; and what a hand does there.

import { coloursOf, type Colours } from "../map/colours";
import type { Spot } from "../map/cloud";
import { Gestures } from "../map/gestures";
import { Grid } from "../map/grid";
import type { How } from "../map/picks";
import { tickLabels, ticks, View } from "../map/scale";
import { html, put } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { Soon } from "../shared/soon";
import { formOf, trace } from "./marks";
import type { Tree } from "./tree";

/** Places of the rows, NaN where one has no value; `x` and `y` say what is across and up. */
export interface Scene { x: Float32Array; y: Float32Array; hollow: Uint8Array; home: [[number, number], [number, number]]; labels: [string, string]; whole: boolean; empty: string }
export interface Acts {
  open(i: number): void; hover(i: number): void; words(i: number): string;
  pick(rows: number[], how: How): void; clear(): void;
}

const LEFT = 58, RIGHT = 14, TOP = 10, BOTTOM = 40, RAIL = 16; // pixels; the rail holds what has no value
const REACH = 14;
const SMOOTH = 2000; // rows in view up to which lines are bent and dashed, and marks have shapes
const AT_ONCE = 200; // lines in one path: a path with thousands that cross each other takes long to paint

export class Forest {
  readonly element: HTMLElement;
  readonly gestures: Gestures;
  private readonly back = html("canvas", { "aria-hidden": "true" });
  private readonly top = html("canvas", { class: "wb-top", tabindex: 0, role: "application" });
  private readonly tip = html("div", { class: "wb-tip", hidden: true });
  private readonly soon: Soon;
  private readonly view = new View([0, 1], [0, 1]);
  private scene: Scene | undefined;
  private px = new Float32Array();
  private py = new Float32Array();
  private grid = new Grid(this.px, this.py);
  private colours: Colours | undefined;
  private treeDue = true;
  private seen = 0; // how many rows are in view
  private moved = false; // whether somebody has zoomed or panned
  private hovered = -1;
  private current = -1;
  private opened = -1;
  private chosen = new Set<number>();

  constructor(private readonly frame: Frame, private readonly tree: Tree, private readonly acts: Acts, height: number) {
    this.element = html("div", { class: "wb-forest", style: `height:${height}px` }, this.back, this.top, this.tip);
    this.soon = new Soon(this.element, frame.guard((width, height) => this.draw(width, height)));
    this.gestures = new Gestures(this.top, frame, {
      look: (at) => this.look(at ? this.grid.nearest(at[0], at[1], REACH) : -1),
      click: (at, how) => this.clicked(this.grid.nearest(at[0], at[1], REACH), how),
      shape: (corners, how) => this.acts.pick([...this.grid.inside(corners)], how),
      pan: (dx, dy) => this.change(() => this.view.pan(dx, dy)),
      zoom: (at, factor) => this.change(() => this.view.zoom(...(at ?? this.middle), factor)),
      home: () => this.home(),
      step: ([dx, dy]) => this.step(dx, dy),
      leave: () => this.goTo(-1),
      key: (name, control) => this.keyed(name, control),
      redraw: () => this.soon.ask(),
    });
  }

  listen(): () => void {
    const again = this.frame.guard(() => this.again());
    const size = new ResizeObserver(again);
    size.observe(this.element);
    const themed = new MutationObserver(again);
    themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", again);
    return () => {
      size.disconnect();
      themed.disconnect();
      dark.removeEventListener("change", again);
      this.soon.stop();
    };
  }

  show(scene: Scene, label: string): void {
    this.scene = scene;
    put(this.top, { "aria-label": `${label} Left and right go to the trial before and after, up to the parent, down to the best child; `
      + "Enter opens one, Shift and Enter selects it, Escape clears the selection, plus and minus zoom, 0 shows all." });
    if (!this.moved) [this.view.x, this.view.y] = [[...scene.home[0]], [...scene.home[1]]];
    this.again();
  }

  mark(opened: number, chosen: Iterable<number>): void {
    const before = this.chosen;
    this.chosen = new Set(chosen);
    this.opened = opened;
    this.treeDue ||= before.size !== this.chosen.size || [...before].some((i) => !this.chosen.has(i));
    this.soon.ask();
  }

  /** Puts a ring round a row that another view points at. */
  point(i: number): void {
    this.hovered = i;
    this.soon.ask();
  }

  home(): void {
    this.moved = false;
    if (this.scene) [this.view.x, this.view.y] = [[...this.scene.home[0]], [...this.scene.home[1]]];
    this.again();
  }

  private again(): void {
    this.treeDue = true;
    this.soon.ask();
  }

  private change(work: () => void): void {
    this.moved = true;
    work();
    this.again();
  }

  private get middle(): Spot { return [this.view.left + this.view.width / 2, this.view.top + this.view.height / 2]; }

  // -- drawing

  private draw(width: number, height: number): void {
    const { scene, view } = this;
    if (!scene) return;
    const ratio = Math.max(1, window.devicePixelRatio);
    if (this.treeDue) {
      const started = performance.now();
      this.colours = coloursOf(this.frame.root, []);
      Object.assign(view, { left: LEFT, top: TOP, width: Math.max(10, width - LEFT - RIGHT), height: Math.max(10, height - TOP - BOTTOM) });
      this.place(scene);
      for (const canvas of [this.back, this.top]) [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
      this.paint(this.context(this.back, ratio), scene, this.colours);
      this.treeDue = false;
      this.frame.root.dataset["paintMs"] = (performance.now() - started).toFixed(1);
      this.frame.root.dataset["points"] = String(this.tree.size);
    }
    this.paintAbove(this.context(this.top, ratio), this.colours as Colours);
    this.showTip();
  }

  private context(canvas: HTMLCanvasElement, ratio: number): CanvasRenderingContext2D {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser gives no canvas to draw on");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    return context;
  }

  /** Pixels of all rows; what has no value stands on the rail, what is outside the view nowhere. */
  private place(scene: Scene): void {
    const { view } = this;
    const n = scene.x.length;
    if (this.px.length !== n) [this.px, this.py] = [new Float32Array(n), new Float32Array(n)];
    const rail = view.top + view.height - RAIL / 2;
    for (let i = 0; i < n; i++) {
      const y = scene.y[i] as number;
      this.px[i] = view.px(scene.x[i] as number);
      this.py[i] = y === y ? view.py(y) : rail;
    }
    this.seen = 0;
    const [gx, gy] = [new Float32Array(n).fill(NaN), new Float32Array(n).fill(NaN)];
    for (let i = 0; i < n; i++) {
      if (!view.holds(this.px[i] as number, this.py[i] as number)) continue;
      [gx[i], gy[i]] = [this.px[i] as number, this.py[i] as number];
      this.seen++;
    }
    this.grid = new Grid(gx, gy);
  }

  private get crowded(): boolean { return this.seen > SMOOTH; }
  private get radius(): number { return this.crowded ? 1.3 : this.seen > 400 ? 2.4 : 3.4; }

  private paint(context: CanvasRenderingContext2D, scene: Scene, colours: Colours): void {
    const { view, tree } = this;
    this.axes(context, scene, colours);
    context.save();
    context.beginPath();
    context.rect(view.left, view.top - 6, view.width + 6, view.height + 6);
    context.clip();
    const dim = this.chosen.size > 0;
    const [plain, famous]: [number[], number[]] = [[], []];
    for (let i = 0; i < tree.size; i++) (tree.line.has(i) ? famous : plain).push(i);
    context.globalAlpha = this.crowded ? 0.08 : dim ? 0.12 : this.seen > 400 ? 0.3 : 0.5;
    this.lines(context, plain, colours.quiet, 1);
    this.seconds(context, colours.quiet);
    context.globalAlpha = dim ? 0.3 : 0.9;
    this.lines(context, famous, colours.focus, 1.6);
    this.dots(context, plain, colours.quiet, dim ? 0.2 : this.crowded ? 0.5 : 0.7, colours);
    this.dots(context, famous, colours.focus, dim ? 0.4 : 1, colours);
    if (dim) this.dots(context, [...this.chosen], colours.text, 1, colours);
    context.restore();
  }

  /** Lines to rows from their first parents, dashed as the operator says. */
  private lines(context: CanvasRenderingContext2D, rows: number[], colour: string, width: number): void {
    const { tree } = this;
    const plain = this.crowded && rows.length > SMOOTH;
    const kinds = plain ? [rows] : tree.operators.map(() => [] as number[]);
    if (!plain) for (const i of rows) kinds[tree.kind[i] as number]?.push(i);
    kinds.forEach((of, kind) => this.stroke(context, of.map((i) => [tree.parent[i] as number, i]), colour, width, plain ? [] : formOf(tree.operators, kind).dash));
  }

  private seconds(context: CanvasRenderingContext2D, colour: string): void {
    this.stroke(context, this.tree.other.map((other, i) => [other, i]), colour, 1, this.crowded ? [] : [1, 4]);
  }

  private stroke(context: CanvasRenderingContext2D, pairs: [number, number][], colour: string, width: number, dash: number[]): void {
    const { view, px, py } = this;
    [context.strokeStyle, context.lineWidth] = [colour, width];
    context.setLineDash(dash);
    let drawn = 0;
    context.beginPath();
    for (const [from, to] of pairs) {
      if (from < 0) continue;
      const [x0, y0, x1, y1] = [px[from], py[from], px[to], py[to]] as [number, number, number, number];
      if (Math.max(x0, x1) < view.left || Math.min(x0, x1) > view.left + view.width || Math.max(y0, y1) < view.top || Math.min(y0, y1) > view.top + view.height) continue;
      context.moveTo(x0, y0);
      const half = (x1 - x0) / 2;
      if (this.crowded) context.lineTo(x1, y1);
      else context.bezierCurveTo(x0 + half, y0, x1 - half, y1, x1, y1);
      if (++drawn % AT_ONCE) continue;
      context.stroke();
      context.beginPath();
    }
    context.stroke();
    context.setLineDash([]);
  }

  private dots(context: CanvasRenderingContext2D, rows: number[], colour: string, alpha: number, colours: Colours): void {
    const { tree, scene, radius, view, px, py } = this;
    if (!scene) return;
    const incumbents = new Set(tree.incumbents);
    const looks: number[][] = [[], [], [], [], []]; // filled and hollow; the same of incumbents; without a value
    for (const i of rows) {
      if (!view.holds(px[i] as number, py[i] as number)) continue;
      const y = scene.y[i];
      looks[y !== y ? 4 : 2 * +incumbents.has(i) + (scene.hollow[i] as number)]?.push(i);
    }
    [context.globalAlpha, context.fillStyle, context.strokeStyle, context.lineWidth] = [alpha, colour, colour, 1.1];
    if (this.crowded && rows.length > SMOOTH) {
      for (const i of looks[0] as number[]) context.fillRect((px[i] as number) - radius, (py[i] as number) - radius, 2 * radius, 2 * radius);
      for (const i of looks[1] as number[]) context.strokeRect((px[i] as number) - radius, (py[i] as number) - radius, 2 * radius, 2 * radius);
    } else {
      for (const i of looks[0] as number[]) this.outlined(context, i, radius).fill();
      for (const i of looks[1] as number[]) this.outlined(context, i, radius).stroke();
    }
    for (const i of looks[3] as number[]) this.outlined(context, i, 1.6 * radius).stroke();
    [context.strokeStyle, context.lineWidth] = [colours.paper, 1.5];
    for (const i of looks[2] as number[]) {
      this.outlined(context, i, 1.6 * radius).fill();
      context.stroke();
    }
    [context.strokeStyle, context.lineWidth] = [colours.ring, 1.4];
    context.beginPath();
    for (const i of looks[4] as number[]) {
      const [x, y] = [px[i] as number, py[i] as number];
      context.moveTo(x - radius, y - radius);
      context.lineTo(x + radius, y + radius);
      context.moveTo(x - radius, y + radius);
      context.lineTo(x + radius, y - radius);
    }
    context.stroke();
    context.globalAlpha = 1;
  }

  private outlined(context: CanvasRenderingContext2D, i: number, radius: number): CanvasRenderingContext2D {
    context.beginPath();
    trace(context, formOf(this.tree.operators, this.tree.kind[i] as number), this.px[i] as number, this.py[i] as number, radius);
    return context;
  }

  private axes(context: CanvasRenderingContext2D, scene: Scene, colours: Colours): void {
    const { view } = this;
    const bottom = view.top + view.height;
    context.font = `11.5px ${getComputedStyle(this.element).fontFamily}`;
    [context.fillStyle, context.strokeStyle, context.lineWidth, context.textBaseline] = [colours.quiet, colours.line, 1, "middle"];
    const rows = ticks(...view.y, view.height / 55).filter((value) => !scene.whole || value === Math.round(value));
    context.textAlign = "right";
    tickLabels(rows).forEach((label, k) => {
      const y = Math.round(view.py(rows[k] as number)) + 0.5;
      context.beginPath();
      context.moveTo(view.left, y);
      context.lineTo(view.left + view.width, y);
      context.stroke();
      context.fillText(label, view.left - 8, y);
    });
    context.textAlign = "center";
    const across = ticks(...view.x, view.width / 90).filter((value) => value === Math.round(value) && value >= 0);
    tickLabels(across).forEach((label, k) => context.fillText(label, view.px(across[k] as number), bottom + 13));
    context.fillText(scene.labels[0], view.left + view.width / 2, bottom + 31);
    if (scene.empty) context.fillText(scene.empty, ...this.middle);
    context.save();
    context.translate(10, view.top + view.height / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(scene.labels[1], 0, 0);
    context.restore();
  }

  /** The line of what is open, that of what is pointed at, and a box that is being drawn. */
  private paintAbove(context: CanvasRenderingContext2D, colours: Colours): void {
    const { view } = this;
    context.save();
    context.beginPath();
    context.rect(view.left - 8, view.top - 8, view.width + 16, view.height + 16);
    context.clip();
    const pointed = this.hovered >= 0 ? this.hovered : this.current;
    for (const [i, colour, width] of [[pointed, colours.text, 1.8], [this.opened, colours.ring, 2.6]] as const) {
      if (i < 0 || i >= this.tree.size) continue;
      const line = this.tree.ancestors(i);
      this.lines(context, line, colour, width);
      this.dots(context, line, colour, 1, colours);
      context.beginPath();
      context.arc(this.px[i] as number, this.py[i] as number, 8, 0, 2 * Math.PI);
      [context.strokeStyle, context.lineWidth] = [colour, width];
      context.stroke();
    }
    context.restore();
    const { shape } = this.gestures;
    if (shape.length < 2) return;
    context.beginPath();
    shape.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
    [context.globalAlpha, context.fillStyle] = [0.07, colours.focus];
    context.fill();
    [context.globalAlpha, context.strokeStyle, context.lineWidth] = [1, colours.text, 1.2];
    context.setLineDash([4, 3]);
    context.stroke();
    context.setLineDash([]);
  }

  private showTip(): void {
    const i = this.hovered >= 0 ? this.hovered : this.current;
    const [x, y] = [this.px[i] ?? NaN, this.py[i] ?? NaN];
    this.tip.hidden = i < 0 || !this.view.holds(x, y);
    if (this.tip.hidden) return;
    this.tip.textContent = this.acts.words(i);
    const right = x > this.element.clientWidth / 2;
    Object.assign(this.tip.style, {
      left: right ? "" : `${x + 14}px`, right: right ? `${this.element.clientWidth - x + 14}px` : "",
      top: `${Math.max(0, Math.min(y - 20, this.element.clientHeight - this.tip.offsetHeight))}px`,
    });
  }

  // -- what a hand does

  private look(i: number): void {
    if (i === this.hovered) return;
    this.hovered = i;
    this.acts.hover(i);
    this.top.style.cursor = i >= 0 ? "pointer" : "";
    this.soon.ask();
  }

  private clicked(i: number, how: How): void {
    if (i < 0) return;
    if (how === "new") this.acts.open(i);
    else this.acts.pick([i], how);
  }

  private step(dx: number, dy: number): void {
    const { tree } = this;
    if (!tree.size) return;
    const from = this.current >= 0 ? this.current : this.opened;
    if (from < 0) return this.goTo(tree.size - 1);
    if (dx) return this.goTo(Math.max(0, Math.min(tree.size - 1, from + dx)));
    const children = tree.children[from] ?? [];
    const next = dy < 0 ? tree.parent[from] as number : children.reduce((a, b) => (a >= 0 && tree.value(a) >= tree.value(b) ? a : b), -1);
    this.goTo(next >= 0 ? next : from);
  }

  private goTo(i: number): void {
    this.current = i;
    if (i >= 0) this.frame.say(this.acts.words(i));
    this.soon.ask();
  }

  private keyed(name: string, control: boolean): boolean {
    if (control) return false;
    if (name === "Enter" && this.current >= 0) this.acts.open(this.current);
    else if (name === "Shift+Enter" && this.current >= 0) this.acts.pick([this.current], "add");
    else if (name === "Escape") this.acts.clear();
    else if (name === "Home") this.goTo(0);
    else if (name === "End") this.goTo(this.tree.size - 1);
    else return false;
    return true;
  }
}

