// A scatter of all points of a table: paints them, and turns clicks, boxes and lassos into rows.

import { html } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { Link, rowsIn } from "../shared/link";
import { listen, type Model } from "../shared/model";
import { Soon } from "../shared/soon";
import { Called } from "./called";
import { Cloud, floats, type Spot } from "./cloud";
import { coloursOf } from "./colours";
import { Gestures } from "./gestures";
import { paintPointer, paintPoints, type Scene } from "./paint";
import { extreme, type How, Picks, rowsOf } from "./picks";
import { type Axis, reading, View } from "./scale";
import { colourOf, trailsOf } from "./trails";

type Axes = { x: Axis; y: Axis; color: Partial<Axis> };

const MARGIN = { left: 58, top: 30, right: 78, bottom: 46 };
const REACH = 12; // pixels from a point within which the pointer means it
const DENSE = 100_000; // points from which on cells are counted instead

/** A column that can be chosen in a menu: under which names, which one it is now, and how another is asked for. */
export interface Field { key: string; words: string; names: string[]; value: string; choose(name: string): void }

/** The parts that a widget puts where it wants them: `menus`, `modes`, `stage` and `foot`. */
export class Scatter {
  private cloud = new Cloud(new Float32Array(), new Float32Array(), new Float32Array(), new Uint8Array());
  private readonly view = new View([0, 1], [0, 1]);
  private readonly picks = new Picks();
  private hidden: Uint8Array = new Uint8Array();
  private hover = -1;
  private current = -1;
  private pointed = -1; // the row that another view points at
  private lit: Uint32Array = new Uint32Array(); // the rows that another view points at together
  private pointsDue = false;
  private dense = false;
  private ratio = 1;
  private clicks = 0;
  private readonly called: Called;
  private readonly link: Link;
  private readonly back = html("canvas", { "aria-hidden": "true" });
  private readonly top = html("canvas", { class: "wb-top", tabindex: 0, role: "application" });
  private readonly gestures: Gestures;
  private readonly tip = html("div", { class: "wb-tip", hidden: true });
  readonly stage = html("div", { class: "wb-stage" }, this.back, this.top, this.tip);
  readonly menus = html("div", { class: "wb-bar" });
  readonly foot: HTMLElement;
  private readonly count = html("span");
  private readonly outsideNote = html("span");
  private readonly clear = this.button("clear", "Select nothing (Escape)", () => this.choose(new Uint32Array()));
  private readonly showAll = this.button("show all", "Show every point", () => this.home("whole"));
  private readonly soon: Soon;
  private readonly selects = new Map<string, HTMLSelectElement>();

  constructor(
    private readonly model: Model, private readonly frame: Frame,
    private readonly fields: () => Field[], private readonly what: string, private readonly left = MARGIN.left,
  ) {
    const tools = html("div", { class: "wb-bar wb-tools" }, this.outsideNote, this.showAll,
      this.button("−", "Zoom out (-)", () => this.zoom(this.middle, 1.4)),
      this.button("+", "Zoom in (+)", () => this.zoom(this.middle, 1 / 1.4)),
      this.button("reset", "First view (double click, 0)", () => this.home("home")));
    const invert = this.button("invert", "Select what is not selected (I)", () => this.invert());
    this.foot = html("div", { class: "wb-foot" }, this.count, this.clear, invert, tools);
    this.link = new Link(model, frame);
    this.called = new Called(model, frame, () => this.showTip());
    this.soon = new Soon(this.stage, frame.guard((width, height) => this.paint(width, height)));
    this.gestures = new Gestures(this.top, frame, {
      look: (at) => this.look(at ? this.cloud.nearest(at[0], at[1], REACH) : -1),
      click: (at, how) => this.clicked(this.cloud.nearest(at[0], at[1], REACH), how),
      shape: (corners, how) => this.shaped(corners, how),
      pan: (dx, dy) => {
        this.view.pan(dx, dy);
        this.repaint(true);
      },
      zoom: (at, factor) => this.zoom(at ?? this.middle, factor),
      home: () => this.home("home"),
      step: (direction) => this.step(direction),
      leave: () => this.goTo(-1),
      key: (name, control) => this.keyed(name, control),
      redraw: () => this.repaint(false),
    });
    this.build();
    this.load();
    this.takeSelection();
  }

  /** The buttons for what dragging does. */
  get modes(): HTMLElement { return this.gestures.modes; }

  listen(): () => void {
    const { model, frame } = this;
    const repaint = frame.guard(() => this.repaint(true));
    const size = new ResizeObserver(repaint);
    size.observe(this.stage);
    const themed = new MutationObserver(repaint);
    themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", repaint);
    const stops = [
      listen(model, "change:axes", frame.guard(() => this.load())),
      listen(model, "change:selected", frame.guard(() => this.takeSelection())),
      listen(model, "change:marked", frame.guard(() => this.repaint(false))),
      ...["density", "trails", "hidden_paths"].map((name) => listen(model, `change:${name}`, repaint)),
      this.called.listen(),
    ];
    this.link.onOpen((name) => this.mark(name));
    this.link.onHover((name) => this.point(name));
    this.link.onMark((selection) => this.light(selection?.rows ?? new Uint32Array()));
    return () => {
      stops.forEach((stop) => stop());
      this.link.stop();
      size.disconnect();
      themed.disconnect();
      dark.removeEventListener("change", repaint);
      this.soon.stop();
    };
  }

  // -- building

  private build(): void {
    const { guard } = this.frame;
    for (const { key, words, choose } of this.fields()) {
      const menu = html("select", { "data-axis": key });
      menu.addEventListener("change", guard(() => choose(menu.value)));
      this.selects.set(key, menu);
      this.menus.append(html("label", {}, words, menu));
    }
    this.stage.style.minHeight = `${this.model.get("height")}px`;
  }

  private button(label: string, title: string, work: () => void): HTMLButtonElement {
    const button = html("button", { type: "button", title, "aria-label": title }, label);
    button.addEventListener("click", () => this.frame.guard(work)());
    return button;
  }

  // -- from the kernel

  private get axes(): Axes { return this.model.get("axes") as Axes; }

  private load(): void {
    const [x, y, color] = (["x_values", "y_values", "color_values"] as const)
      .map((name) => floats(this.model.get(name))) as [Float32Array, Float32Array, Float32Array];
    if (this.hidden.length !== x.length) this.hidden = new Uint8Array(x.length);
    this.cloud = new Cloud(x, y, color, this.hidden);
    if (this.picks.mask.length !== this.cloud.size) this.picks.take(new Uint32Array(), this.cloud.size);
    for (const { key, names, value } of this.fields()) {
      const menu = this.selects.get(key);
      menu?.replaceChildren(...names.map((name) => html("option", { value: name }, name || "none")));
      if (menu) menu.value = value;
    }
    this.top.setAttribute("aria-label", `${this.what} of ${this.model.get("note")}: ${this.axes.x.label} across, ${this.axes.y.label} up. `
      + "Arrow keys go from point to point, Enter opens one, Shift and Enter adds it to the selection, A with Ctrl selects all, "
      + "I turns the selection round, Escape clears it, plus and minus zoom.");
    this.home("home");
  }

  private takeSelection(): void {
    this.picks.take(rowsIn(this.model.get("selected")), this.cloud.size);
    this.tell();
    this.repaint(true);
  }

  private tell(): void {
    const { mask, count } = this.picks;
    let unseen = 0;
    if (count) for (let i = 0; i < mask.length; i++) if (mask[i] && this.hidden[i]) unseen++;
    const number = (n: number) => n.toLocaleString("en-US");
    this.count.textContent = count ? `${number(count)} selected${unseen ? `, ${number(unseen)} of them filtered out` : ""}` : "nothing selected";
    this.clear.hidden = count === 0;
  }

  /** How many points there are without a filter. */
  get size(): number { return this.cloud.size; }

  /** Leaves the marked rows out from now on; returns how many points there are, and how many without this. */
  hide(hidden: Uint8Array): [number, number] {
    this.hidden = hidden;
    const { x, y, color } = this.cloud;
    const all = new Cloud(x, y, color, new Uint8Array(x.length)).count();
    this.cloud = new Cloud(x, y, color, hidden);
    if (hidden[this.current]) this.current = -1;
    this.tell();
    this.repaint(true);
    return [this.cloud.count(), all];
  }

  // -- to the kernel

  choose(selected: Uint32Array): void {
    this.link.select(selected);
    this.takeSelection();
    this.frame.say(this.count.textContent ?? "");
  }

  private shaped(corners: Spot[], how: How): void {
    const started = performance.now();
    const rows = this.picks.after(this.cloud.inside(corners), how);
    this.frame.root.dataset["pickMs"] = (performance.now() - started).toFixed(1);
    this.choose(rows);
  }

  /** A click opens a point; with Shift it joins the selection, with Alt it leaves it. */
  private clicked(row: number, how: How): void {
    if (row < 0) return;
    if (how === "new") this.click(row);
    else this.choose(this.picks.after(Uint32Array.of(row), how));
  }

  /** Selects the points with the highest or lowest hundredth of an axis' values. */
  chooseExtreme(key: "x" | "y" | "color", highest: boolean): void {
    const { x, y } = this.cloud;
    const placed = this.hidden.map((hidden, i) => (hidden || x[i] !== x[i] || y[i] !== y[i] ? 1 : 0));
    this.choose(extreme(this.cloud[key], placed, 0.01, highest));
  }

  private everyone(): Uint8Array {
    const { x, y } = this.cloud;
    return this.hidden.map((hidden, i) => (hidden || x[i] !== x[i] || y[i] !== y[i] ? 0 : 1));
  }

  private invert(): void {
    this.choose(rowsOf(this.everyone().map((there, i) => there && 1 - (this.picks.mask[i] as number))));
  }

  click(row: number): void {
    const last = this.model.get("click") as { event?: number };
    this.clicks = Math.max(this.clicks, last.event ?? 0) + 1;
    this.model.set("click", { index: row, event: this.clicks });
    this.model.save_changes();
    const name = this.called.of(row); // where the page does not know it, the kernel opens it
    if (name === undefined) return;
    this.link.open(name);
    this.mark(name);
  }

  // -- with the other views

  private mark(name: string): void {
    if (this.called.complete) this.model.set("marked", this.called.row(name));
  }

  private point(name: string): void {
    this.pointed = this.called.row(name);
    this.repaint(false);
  }

  private light(rows: Uint32Array): void {
    this.lit = rows;
    this.repaint(false);
  }

  // -- gestures

  private get middle(): Spot {
    return [this.view.left + this.view.width / 2, this.view.top + this.view.height / 2];
  }

  private zoom(at: Spot, factor: number): void {
    this.view.zoom(at[0], at[1], factor);
    this.repaint(true);
  }

  private keyed(name: string, control: boolean): boolean {
    if (control && name.toLowerCase() === "a") this.choose(rowsOf(this.everyone()));
    else if (control) return false;
    else if (name === "Enter" && this.current >= 0) this.click(this.current);
    else if (name === "Shift+Enter") this.clicked(this.current, "add");
    else if (name === "Escape") this.choose(new Uint32Array());
    else if (name === "i") this.invert();
    else if (name === "c" && this.link.hears("compare")) this.compare();
    else return false;
    return true;
  }

  /** Puts the point that is looked at on the group's compare tray. */
  private compare(): void {
    const name = this.called.of(this.hover >= 0 ? this.hover : this.current);
    if (name !== undefined) this.link.compare(name);
  }

  private step(arrow: Spot): void {
    const marked = Number(this.model.get("marked"));
    const seen = (row: number) => row >= 0 && !Number.isNaN(this.cloud.px[row] ?? NaN);
    const start = seen(marked) ? marked : this.cloud.nearest(...this.middle, Infinity);
    const next = seen(this.current) ? this.cloud.beyond(this.current, ...arrow) : start;
    if (next >= 0) this.goTo(next);
  }

  private goTo(row: number): void {
    this.current = row;
    this.called.ask(row);
    this.showTip();
    this.repaint(false);
    if (row >= 0) this.frame.say(this.readings(row).map(([label, value]) => `${label} ${value}`).join(", "));
  }

  /** Puts a ring round a point and shows what it is; -1 for none. */
  look(row: number): void {
    if (row === this.hover) return;
    this.hover = row;
    this.called.ask(row);
    this.link.hover(this.called.of(row) ?? "");
    this.showTip();
    this.repaint(false);
  }

  // -- what is shown

  private home(which: "home" | "whole"): void {
    const { x, y } = this.axes;
    this.view.x = [...x[which]];
    this.view.y = [...y[which]];
    this.repaint(true);
  }

  private readings(row: number): [string, string][] {
    const { x, y, color } = this.axes;
    const found: [string, string][] = [
      [y.label, reading(this.cloud.y[row] ?? NaN, y)], [x.label, reading(this.cloud.x[row] ?? NaN, x)],
    ];
    if (color.name) found.push([color.label as string, reading(this.cloud.color[row] ?? NaN, color as Axis)]);
    return found;
  }

  private showTip(): void {
    const row = this.hover >= 0 ? this.hover : this.current;
    const [px, py] = [this.cloud.px[row], this.cloud.py[row]];
    this.tip.hidden = row < 0 || px === undefined || py === undefined || Number.isNaN(px);
    if (this.tip.hidden || px === undefined || py === undefined) return;
    this.tip.replaceChildren(
      ...this.readings(row).map(([label, value]) => html("div", {}, html("b", {}, value), ` ${label}`)),
      html("code", {}, this.called.of(row) ?? "…"),
    );
    const right = px > this.stage.clientWidth / 2;
    this.tip.style.left = `${right ? px - this.tip.offsetWidth - 14 : px + 14}px`;
    this.tip.style.top = `${Math.max(0, Math.min(py - 20, this.stage.clientHeight - this.tip.offsetHeight))}px`;
  }

  /** Paints before the next frame: the points too where they moved or changed, else only what is above them. */
  private repaint(points: boolean): void {
    this.pointsDue ||= points;
    this.soon.ask();
  }

  private paint(width: number, height: number): void {
    const pointsDue = this.pointsDue;
    if (pointsDue) this.dense = this.asDensity();
    const scene = this.scene(width, height);
    if (pointsDue) {
      const started = performance.now();
      this.resize(width, height);
      const outside = this.cloud.place(this.view, scene.axes.x, scene.axes.y);
      paintPoints(this.back, scene, this.ratio);
      this.frame.root.dataset["paintMs"] = (performance.now() - started).toFixed(1);
      this.outsideNote.textContent = outside ? `${outside.toLocaleString("en-US")} outside this view` : "";
      this.showAll.hidden = outside === 0;
      this.pointsDue = false;
      this.showTip();
    }
    const hover = this.hover >= 0 ? this.hover : this.pointed;
    const marked = Number(this.model.get("marked"));
    paintPointer(this.top, scene, { shape: this.gestures.shape, hover, current: this.current, marked, lit: this.lit }, this.ratio);
  }

  /** Whether cells are counted: as was asked for, else from very many points on. */
  asDensity(): boolean {
    return (this.model.get("density") as boolean | null | undefined) ?? this.cloud.count() > DENSE;
  }

  private scene(width: number, height: number): Scene {
    const { x, y, color } = this.axes;
    const shown = color.name ? { x, y, color: color as Axis } : { x, y };
    Object.assign(this.view, {
      left: this.left, top: MARGIN.top,
      width: Math.max(40, width - this.left - (color.name || this.dense ? MARGIN.right : 16)),
      height: Math.max(40, height - MARGIN.top - MARGIN.bottom),
    });
    const trails = trailsOf(this.model);
    const colours = coloursOf(this.frame.root, trails.map(colourOf));
    return {
      view: this.view, cloud: this.cloud, axes: shown, ramp: this.model.get("ramp") as string[],
      chosen: this.picks.mask, anyChosen: this.picks.count > 0, colours, dense: this.dense,
      trails: trails.map((trail, i) => ({ trail, colour: colours.others[i] as string })),
      font: `11.5px ${getComputedStyle(this.frame.root).fontFamily}`,
    };
  }

  private resize(width: number, height: number): void {
    this.ratio = Math.max(1, window.devicePixelRatio);
    for (const canvas of [this.back, this.top]) {
      canvas.width = Math.round(width * this.ratio);
      canvas.height = Math.round(height * this.ratio);
    }
  }
}
