// The paths of searches over the map: thin and fading into the past, thick where they got better; a legend to hide them.

import { html, put, svg } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { listen, type Model } from "../shared/model";
import type { Spot } from "./cloud";
import type { Scene } from "./paint";

export interface Trail {
  name: string; rows: number[]; better: number[]; missing: number; colour: string; dark: string; dash: string;
  /** Step -> the step that it comes from, -1 without one: then it is a trace, whose steps are no line. */
  parents?: number[];
  /** Why a trace may not be up to date; empty where it is. */
  trouble?: string;
}

const AGES = 12; // steps of fading

export const colourOf = (trail: Trail) => `light-dark(${trail.colour}, ${trail.dark})`;

/** The paths that are to be seen. */
export function trailsOf(model: Model): Trail[] {
  const hidden = (model.get("hidden_paths") ?? []) as string[];
  return ((model.get("trails") ?? []) as Trail[]).filter((trail) => !hidden.includes(trail.name));
}

export function paintTrails(context: CanvasRenderingContext2D, scene: Scene): void {
  const { view, cloud, axes } = scene;
  context.save();
  context.beginPath();
  context.rect(view.left, view.top, view.width, view.height);
  context.clip();
  for (const { trail, colour } of scene.trails) {
    const spots = trail.rows.map((row) => cloud.spot(row, view, axes.x, axes.y));
    context.strokeStyle = context.fillStyle = colour;
    context.setLineDash(trail.dash ? trail.dash.split(" ").map(Number) : []);
    for (let age = 0; age < AGES; age++) {
      const [from, to] = [age, age + 1].map((part) => Math.floor((part * spots.length) / AGES)) as Spot;
      context.globalAlpha = 0.12 + (0.5 * (age + 1)) / AGES;
      if (!trail.parents) line(context, spots.slice(Math.max(0, from - 1), to), 1);
      dots(context, spots.slice(from, to), trail.parents ? 2.4 : 1.6);
    }
    if (trail.parents) continue;
    const better = trail.better.map((step) => spots[step] as Spot);
    context.globalAlpha = 1;
    line(context, better, 2.4);
    context.setLineDash([]);
    dots(context, better, 4, scene.colours.paper);
  }
  context.restore();
}

/** Arrows along what the marked row of a traced search comes from; of its best one where it has not visited that row. */
export function paintLines(context: CanvasRenderingContext2D, scene: Scene, marked: number): void {
  const { view, cloud, axes } = scene;
  context.save();
  context.beginPath();
  context.rect(view.left, view.top, view.width, view.height);
  context.clip();
  for (const { trail, colour } of scene.trails) {
    const spots = lineOf(trail, marked).map((row) => cloud.spot(row, view, axes.x, axes.y)).filter(known);
    context.strokeStyle = context.fillStyle = scene.colours.paper;
    line(context, spots, 5);
    context.strokeStyle = context.fillStyle = colour;
    context.setLineDash(trail.dash ? trail.dash.split(" ").map(Number) : []);
    line(context, spots, 2.2);
    context.setLineDash([]);
    spots.slice(1).forEach((spot, k) => arrow(context, spots[k] as Spot, spot));
    dots(context, spots, 3.4, scene.colours.paper);
  }
  context.restore();
}

/** The rows that a row comes from, the oldest first; none where nothing is traced. */
export function lineOf(trail: Trail, marked: number): number[] {
  const found: number[] = [];
  const at = trail.rows.indexOf(marked);
  for (let step = trail.parents ? (at >= 0 ? at : trail.better.at(-1) ?? -1) : -1; step >= 0; step = trail.parents?.[step] ?? -1) {
    found.unshift(trail.rows[step] as number);
  }
  return found;
}

/** The head of an arrow, short of the dot that it leads to. */
function arrow(context: CanvasRenderingContext2D, [x0, y0]: Spot, [x1, y1]: Spot): void {
  const long = Math.hypot(x1 - x0, y1 - y0);
  if (long < 12) return;
  const [dx, dy] = [(x1 - x0) / long, (y1 - y0) / long];
  const [x, y] = [x1 - 4 * dx, y1 - 4 * dy];
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x - 9 * dx - 4.5 * dy, y - 9 * dy + 4.5 * dx);
  context.lineTo(x - 9 * dx + 4.5 * dy, y - 9 * dy - 4.5 * dx);
  context.closePath();
  context.fill();
}

function line(context: CanvasRenderingContext2D, spots: Spot[], width: number): void {
  context.lineWidth = width;
  context.beginPath();
  spots.filter(known).forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.stroke();
}

function dots(context: CanvasRenderingContext2D, spots: Spot[], radius: number, rim?: string): void {
  for (const [x, y] of spots.filter(known)) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    if (!rim) continue;
    const stroke = context.strokeStyle;
    context.lineWidth = 1.4;
    context.strokeStyle = rim;
    context.stroke();
    context.strokeStyle = stroke;
  }
}

const known = ([x, y]: Spot) => x === x && y === y;

/** One button per path: its line and name; pressed while it is shown. */
export class Legend {
  readonly element = html("div", { class: "wb-bar wb-legend", role: "group", "aria-label": "Paths", hidden: true });
  private readonly buttons = new Map<string, HTMLButtonElement>();

  constructor(private readonly model: Model, private readonly frame: Frame) {
    this.draw();
  }

  listen(): () => void {
    const draw = this.frame.guard(() => this.draw());
    const stops = ["trails", "hidden_paths"].map((name) => listen(this.model, `change:${name}`, draw));
    return () => stops.forEach((stop) => stop());
  }

  private get hidden(): string[] { return this.model.get("hidden_paths") as string[]; }

  /** A path that grows keeps its button, which may be under a finger just now. */
  private draw(): void {
    const trails = (this.model.get("trails") ?? []) as Trail[];
    this.element.hidden = trails.length === 0;
    const names = new Set(trails.map((trail) => trail.name));
    for (const [name, button] of this.buttons) {
      if (names.has(name)) continue;
      button.remove();
      this.buttons.delete(name);
    }
    trails.forEach((trail, i) => {
      const button = this.buttons.get(trail.name) ?? this.button(trail.name);
      if (this.element.children[i] !== button) this.element.insertBefore(button, this.element.children[i] ?? null);
      this.tell(button, trail);
    });
  }

  private button(name: string): HTMLButtonElement {
    const button = html("button", { type: "button" },
      svg("svg", { width: 26, height: 10, "aria-hidden": "true" }, svg("line", { x1: 1, x2: 25, y1: 5, y2: 5, "stroke-width": 2.4 })), html("span"));
    button.addEventListener("click", this.frame.guard(() => {
      const { hidden } = this;
      this.model.set("hidden_paths", hidden.includes(name) ? hidden.filter((one) => one !== name) : [...hidden, name]);
      this.model.save_changes();
    }));
    this.buttons.set(name, button);
    return button;
  }

  private tell(button: HTMLButtonElement, trail: Trail): void {
    const shown = !this.hidden.includes(trail.name);
    put(button, { "aria-pressed": String(shown), title: `${shown ? "Hide" : "Show"} this path` });
    const swatch = button.querySelector("line") as SVGLineElement;
    put(swatch, { "stroke-dasharray": trail.dash || undefined });
    swatch.style.stroke = colourOf(trail);
    const left = trail.missing ? ` (${trail.missing.toLocaleString("en-US")} not on the map)` : "";
    const words = ` ${trail.name}${left}${trail.trouble ? ` · ${trail.trouble}` : ""}`;
    const place = button.lastElementChild as HTMLElement;
    if (place.textContent !== words) place.textContent = words;
  }
}
