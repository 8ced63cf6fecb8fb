// A scatter of all points of a table: paints them, and turns clicks, boxes and lassos into rows.

import { html } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { Link, rowsIn } from "../shared/link";
import { listen, type Model } from "../shared/model";
import { namesOf, placesOf } from "../shared/names";
import { Soon } from "../shared/soon";
import { box, Cloud, floats, type Spot } from "./cloud";
import { type Colours, paintPointer, paintPoints, type Scene } from "./paint";
import { type Axis, reading, View } from "./scale";

type Mode = "box" | "lasso" | "pan";
type Axes = { x: Axis; y: Axis; color: Partial<Axis> };

const MARGIN = { left: 58, top: 30, right: 78, bottom: 46 };
const REACH = 12; // pixels from a point within which the pointer means it
const CLICK = 4; // pixels a press may wander and still be a click

/** A column that can be chosen in a menu: under which names, which one it is now, and how another is asked for. */
export interface Field { key: string; words: string; names: string[]; value: string; choose(name: string): void }

/** The parts that a widget puts where it wants them: `menus`, `modes`, `stage` and `foot`. */
export class Scatter {
  private cloud = new Cloud(new Float32Array(), new Float32Array(), new Float32Array());
  private view = new View([0, 1], [0, 1]);
  private chosen = new Uint8Array();
  private mode: Mode = "box";
  private hover = -1;
  private current = -1;
  private shape: Spot[] = [];
  private press: { at: Spot; mode: Mode; moved: boolean } | undefined;
  private outside = 0;
  private pointsDue = false;
  private ratio = 1;
  private clicks = 0;
  private readonly names = new Map<number, string>();
  private places = new Map<string, number>();
  private pointed = -1; // the row that another view points at
  private readonly link: Link;
  private readonly back = html("canvas", { "aria-hidden": "true" });
  private readonly top = html("canvas", { class: "wb-top", tabindex: 0, role: "application", "data-mode": "box" });
  private readonly tip = html("div", { class: "wb-tip", hidden: true });
  readonly stage = html("div", { class: "wb-stage" }, this.back, this.top, this.tip);
  readonly menus = html("div", { class: "wb-bar" });
  readonly modes = html("div", { class: "wb-bar" });
  readonly foot: HTMLElement;
  private readonly count = html("span");
  private readonly outsideNote = html("span");
  private readonly clear = this.button("clear", "Select nothing (Escape)", () => this.choose(new Uint32Array()));
  private readonly showAll = this.button("show all", "Show every point", () => this.home("whole"));
  private readonly soon: Soon;
  private readonly modeButtons = new Map<Mode, HTMLButtonElement>();
  private readonly selects = new Map<string, HTMLSelectElement>();

  constructor(
    private readonly model: Model, private readonly frame: Frame,
    private readonly fields: () => Field[], private readonly what: string, private readonly left = MARGIN.left,
  ) {
    const tools = html("div", { class: "wb-bar" },
      this.button("−", "Zoom out (-)", () => this.zoom(this.middle, 1.4)),
      this.button("+", "Zoom in (+)", () => this.zoom(this.middle, 1 / 1.4)),
      this.button("reset", "First view (double click, 0)", () => this.home("home")));
    this.foot = html("div", { class: "wb-foot" },
      this.count, this.clear, html("i", { class: "wb-space" }), this.outsideNote, this.showAll, tools);
    this.link = new Link(model, frame);
    this.soon = new Soon(this.stage, frame.guard((width, height) => this.paint(width, height)));
    this.build();
    this.load();
    this.takeSelection();
    this.learnNames().catch(frame.guard((error: unknown) => { throw error; }));
  }

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
      listen(model, "msg:custom", frame.guard((message: { kind: string; index: number; text: string }) => {
        if (message.kind !== "name") return;
        this.names.set(message.index, message.text);
        this.showTip();
      })),
    ];
    this.link.onOpen((name) => this.mark(name));
    this.link.onHover((name) => this.point(name));
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
    for (const [mode, hint] of [["box", "Drag a box"], ["lasso", "Drag a free shape (Shift)"], ["pan", "Drag the map (Alt)"]] as const) {
      const button = this.button(mode, hint, () => this.setMode(mode));
      this.modeButtons.set(mode, button);
      this.modes.append(button);
    }
    this.stage.style.minHeight = `${this.model.get("height")}px`;
    this.setMode("box");
    const on = <K extends keyof HTMLElementEventMap>(name: K, work: (event: HTMLElementEventMap[K]) => void) =>
      this.top.addEventListener(name, guard(work), { passive: false });
    on("pointerdown", (event) => this.pressed(event));
    on("pointermove", (event) => this.moved(event));
    on("pointerup", (event) => this.released(event));
    on("pointercancel", () => this.dropped());
    on("pointerleave", () => this.look(-1));
    on("dblclick", () => this.home("home"));
    on("wheel", (event) => this.wheeled(event));
    on("keydown", (event) => this.keyed(event));
    on("blur", () => this.goTo(-1));
  }

  private button(label: string, title: string, work: () => void): HTMLButtonElement {
    const button = html("button", { type: "button", title, "aria-label": title }, label);
    button.addEventListener("click", () => this.frame.guard(work)());
    return button;
  }

  private setMode(mode: Mode): void {
    this.mode = mode;
    this.top.dataset["mode"] = mode;
    for (const [name, button] of this.modeButtons) button.setAttribute("aria-pressed", String(name === mode));
  }

  // -- from the kernel

  private get axes(): Axes { return this.model.get("axes") as Axes; }

  private load(): void {
    this.cloud = new Cloud(...(["x_values", "y_values", "color_values"] as const)
      .map((name) => floats(this.model.get(name))) as [Float32Array, Float32Array, Float32Array]);
    if (this.chosen.length !== this.cloud.size) this.chosen = new Uint8Array(this.cloud.size);
    for (const { key, names, value } of this.fields()) {
      const menu = this.selects.get(key);
      menu?.replaceChildren(...names.map((name) => html("option", { value: name }, name || "none")));
      if (menu) menu.value = value;
    }
    this.top.setAttribute("aria-label", `${this.what} of ${this.model.get("note")}: ${this.axes.x.label} across, ${this.axes.y.label} up. `
      + "Arrow keys go from point to point, Enter opens one, Escape clears the selection, plus and minus zoom.");
    this.home("home");
  }

  private takeSelection(): void {
    this.chosen = new Uint8Array(this.cloud.size);
    const selected = rowsIn(this.model.get("selected"));
    for (const row of selected) if (row < this.chosen.length) this.chosen[row] = 1;
    this.count.textContent = selected.length ? `${selected.length.toLocaleString("en-US")} selected` : "nothing selected";
    this.clear.hidden = selected.length === 0;
    this.repaint(true);
  }

  // -- to the kernel

  choose(selected: Uint32Array): void {
    this.link.select(selected);
    this.takeSelection();
    this.frame.say(this.count.textContent ?? "");
  }

  click(row: number): void {
    const last = this.model.get("click") as { event?: number };
    this.clicks = Math.max(this.clicks, last.event ?? 0) + 1;
    this.model.set("click", { index: row, event: this.clicks });
    this.model.save_changes();
    const name = this.names.get(row); // where the page does not know it, the kernel opens it
    if (name === undefined) return;
    this.link.open(name);
    this.mark(name);
  }

  // -- with the other views

  /** What the rows are called; a table too large for that asks the kernel for one at a time. */
  private async learnNames(): Promise<void> {
    const [names, places] = await Promise.all([namesOf(this.model), placesOf(this.model)]);
    names.forEach((name, row) => this.names.set(row, name));
    this.places = places;
    this.showTip();
  }

  private mark(name: string): void {
    const row = this.places.get(name);
    if (this.places.size > 0) this.model.set("marked", row ?? -1);
  }

  private point(name: string): void {
    this.pointed = this.places.get(name) ?? -1;
    this.repaint(false);
  }

  // -- gestures

  private get middle(): Spot {
    return [this.view.left + this.view.width / 2, this.view.top + this.view.height / 2];
  }

  private at(event: MouseEvent): Spot {
    const home = this.top.getBoundingClientRect();
    return [event.clientX - home.left, event.clientY - home.top];
  }

  private pressed(event: PointerEvent): void {
    if (event.button > 1) return;
    this.top.focus({ preventScroll: true });
    this.top.setPointerCapture(event.pointerId);
    const mode = event.button === 1 || event.altKey ? "pan" : event.shiftKey ? "lasso" : this.mode;
    this.press = { at: this.at(event), mode, moved: false };
    event.preventDefault();
  }

  private moved(event: PointerEvent): void {
    const at = this.at(event);
    const press = this.press;
    if (!press) return this.look(this.cloud.nearest(at[0], at[1], REACH));
    press.moved ||= Math.hypot(at[0] - press.at[0], at[1] - press.at[1]) > CLICK;
    if (!press.moved) return;
    this.look(-1);
    if (press.mode === "pan") {
      this.view.pan(at[0] - press.at[0], at[1] - press.at[1]);
      press.at = at;
      return this.repaint(true);
    }
    if (press.mode === "box") this.shape = box(press.at, at);
    else this.shape = this.shape.length ? [...this.shape, at] : [press.at, at];
    this.repaint(false);
  }

  private released(event: PointerEvent): void {
    const press = this.press;
    const shape = this.shape;
    this.dropped();
    if (press?.moved && press.mode !== "pan") this.choose(this.cloud.inside(shape));
    if (!press || press.moved) return;
    const row = this.cloud.nearest(...this.at(event), REACH);
    if (row >= 0) this.click(row);
  }

  private dropped(): void {
    this.press = undefined;
    this.shape = [];
    this.repaint(false);
  }

  /** The wheel zooms once the map has been clicked or with Ctrl; before that it scrolls the page. */
  private wheeled(event: WheelEvent): void {
    if (document.activeElement !== this.top && !event.ctrlKey) return;
    event.preventDefault();
    this.zoom(this.at(event), Math.exp(Math.max(-1, Math.min(1, event.deltaY / 400))));
  }

  private zoom(at: Spot, factor: number): void {
    this.view.zoom(at[0], at[1], factor);
    this.repaint(true);
  }

  private keyed(event: KeyboardEvent): void {
    const arrows: Record<string, Spot> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const arrow = arrows[event.key];
    if (event.ctrlKey || event.metaKey) return;
    if (arrow) this.step(arrow);
    else if (event.key === "Enter" && this.current >= 0) this.click(this.current);
    else if (event.key === "c" && this.link.hears("compare")) this.compare();
    else if (event.key === "Escape") this.choose(new Uint32Array());
    else if (event.key === "+" || event.key === "=") this.zoom(this.middle, 1 / 1.4);
    else if (event.key === "-") this.zoom(this.middle, 1.4);
    else if (event.key === "0") this.home("home");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Puts the point that is looked at on the group's compare tray. */
  private compare(): void {
    const name = this.names.get(this.hover >= 0 ? this.hover : this.current);
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
    this.ask(row);
    this.showTip();
    this.repaint(false);
    if (row >= 0) this.frame.say(this.readings(row).map(([label, value]) => `${label} ${value}`).join(", "));
  }

  /** Puts a ring round a point and shows what it is; -1 for none. */
  look(row: number): void {
    if (row === this.hover) return;
    this.hover = row;
    this.ask(row);
    this.link.hover(this.names.get(row) ?? "");
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

  /** The architecture's string comes from the kernel when a point is first looked at. */
  private ask(row: number): void {
    if (row >= 0 && !this.names.has(row)) this.model.send({ kind: "name", index: row });
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
      html("code", {}, this.names.get(row) ?? "…"),
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
    const scene = this.scene(width, height);
    if (this.pointsDue) {
      const started = performance.now();
      this.resize(width, height);
      this.outside = this.cloud.place(this.view, scene.axes.x, scene.axes.y);
      paintPoints(this.back, scene, this.ratio);
      this.frame.root.dataset["paintMs"] = (performance.now() - started).toFixed(1);
      this.outsideNote.textContent = this.outside ? `${this.outside.toLocaleString("en-US")} outside this view` : "";
      this.showAll.hidden = this.outside === 0;
      this.pointsDue = false;
      this.showTip();
    }
    const hover = this.hover >= 0 ? this.hover : this.pointed;
    const pointer = { shape: this.shape, hover, current: this.current, marked: Number(this.model.get("marked")) };
    paintPointer(this.top, scene, pointer, this.ratio);
  }

  private scene(width: number, height: number): Scene {
    const { x, y, color } = this.axes;
    const shown = color.name ? { x, y, color: color as Axis } : { x, y };
    Object.assign(this.view, {
      left: this.left, top: MARGIN.top,
      width: Math.max(40, width - this.left - (color.name ? MARGIN.right : 16)),
      height: Math.max(40, height - MARGIN.top - MARGIN.bottom),
    });
    return {
      view: this.view, cloud: this.cloud, axes: shown, ramp: this.model.get("ramp") as string[],
      chosen: this.chosen, anyChosen: this.chosen.includes(1), colours: this.colours(),
      font: `11.5px ${getComputedStyle(this.frame.root).fontFamily}`,
    };
  }

  /** Canvas needs real colours: read them from elements that the style sheet has coloured. */
  private colours(): Colours {
    const probe = html("i", { hidden: true });
    this.frame.root.append(probe);
    const colour = (name: string) => {
      probe.style.color = `var(--wb-${name})`;
      return getComputedStyle(probe).color;
    };
    const found = {
      text: colour("text"), quiet: colour("quiet"), line: colour("line"),
      paper: colour("paper"), ring: colour("ring"), focus: colour("focus"),
    };
    probe.remove();
    return found;
  }

  private resize(width: number, height: number): void {
    this.ratio = Math.max(1, window.devicePixelRatio);
    for (const canvas of [this.back, this.top]) {
      canvas.width = Math.round(width * this.ratio);
      canvas.height = Math.round(height * this.ratio);
    }
  }
}
