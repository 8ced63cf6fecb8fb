// The browser half of FrontPicker: the front in every two of its objectives, weights, limits, and what they pick.

import drawingCss from "./diff/drawing.css";
import { card, type Drawings } from "./front/card";
import { Controls } from "./front/controls";
import css from "./front/front.css";
import { type Acts, Panel, type Shown } from "./front/panel";
import { type Choice, Front, type How, said } from "./front/state";
import { html, put } from "./shared/dom";
import { type Frame, widget } from "./shared/frame";
import { Link, rowsIn } from "./shared/link";
import { listen, type Model } from "./shared/model";
import { copied, inflated, namesOf, placesOf } from "./shared/names";

const RULES = "On the scale from the front's best, 0, to its worst, 1, in each objective, the weights pick the least weighted "
  + "Chebyshev distance from the best of all (Steuer and Choo, 1983); ◇ is the knee, farthest from the plane through the ends of the front (Das, 1999).";

class Picker {
  private readonly front: Front;
  private readonly link: Link;
  private readonly controls: Controls;
  private readonly panels: Panel[];
  private names: string[] = [];
  private drawings: Drawings = { looks: [], layouts: [], of: {} };
  private selected: Uint32Array;
  private marked = -1;
  private hovered = -1;
  private current = -1;
  private close = false; // the views show what the limits leave
  private due = 0;
  private saving = false;
  private readonly tip = html("div", { class: "wb-tip", hidden: true });
  private readonly count = html("span", { class: "wb-count" });
  private readonly pick = html("section", { class: "wb-pick", "aria-label": "What is picked" });
  private readonly knee = this.button("the knee", "Pick where the front bends most", () => this.choose(Number(this.model.get("knee")), "knee"));
  private readonly weighed = this.button("by the weights", "Pick what the weights say", () => this.keep(this.weights, this.limits));
  private readonly free = this.button("no limits", "Take all limits away", () => this.keep(this.weights, this.limits.map(() => null), this.choice));
  private readonly closer = this.button("zoom to the limits", "Show only what the limits leave", () => this.zoom());
  private readonly compare = this.button("compare", "Put this on the compare tray", () => this.link.compare(this.name(this.choice.row)));
  private readonly open = this.button("open", "Open this in the linked views", () => this.link.open(this.name(this.choice.row)));

  constructor(private readonly model: Model, private readonly frame: Frame) {
    this.front = new Front(model);
    this.link = new Link(model, frame);
    this.selected = rowsIn(model.get("selected"));
    this.marked = Number(model.get("marked"));
    this.controls = new Controls(this.front, frame, (weights) => this.keep(weights, this.limits), (limits) => this.keep(this.weights, limits, this.choice));
    this.panels = this.pairs().map(([up, across]) => new Panel(this.front, across, up, Number(model.get("height")), this.acts(), frame));
    this.build();
    void this.read();
    this.show();
  }

  listen(): () => void {
    const { model, frame, link } = this;
    const show = frame.guard(() => this.show());
    const redraw = frame.guard(() => this.redraw());
    link.onOpen((name) => void this.mark(name));
    link.onHover((name) => void this.point(name));
    link.onSelect(() => this.select(rowsIn(model.get("selected"))));
    link.onMembers(() => this.members());
    const size = new ResizeObserver(redraw);
    size.observe(frame.root);
    const themed = new MutationObserver(redraw);
    themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", redraw);
    const stops = [
      ...["weights", "limits", "choice"].map((name) => listen(model, `change:${name}`, show)),
      listen(model, "change:selected", frame.guard(() => this.select(rowsIn(model.get("selected"))))),
      listen(model, "change:marked", frame.guard(() => { this.marked = Number(model.get("marked")); this.redraw(); })),
    ];
    this.members();
    return () => {
      stops.forEach((stop) => stop());
      size.disconnect();
      themed.disconnect();
      dark.removeEventListener("change", redraw);
      cancelAnimationFrame(this.due);
      link.stop();
    };
  }

  // -- building

  private pairs(): [number, number][] {
    const numbers = this.front.objectives.map((_, i) => i);
    return numbers.flatMap((up) => numbers.slice(up + 1).map((across): [number, number] => [up, across]));
  }

  private build(): void {
    const { root } = this.frame;
    const panels = html("div", { class: "wb-panels" }, ...this.panels.map((panel) => panel.element));
    panels.style.setProperty("--wb-panel", this.panels.length === 1 ? "100%" : "290px");
    const controls = html("div", {}, this.controls.element,
      html("div", { class: "wb-bar", style: "margin-top:10px" }, this.weighed, this.knee, this.free, this.closer, this.count),
      html("p", { class: "wb-rules" }, RULES));
    root.append(
      html("div", { class: "wb-head" }, html("h3", {}, String(this.model.get("title"))), html("span", {}, String(this.model.get("note")))),
      panels, html("div", { class: "wb-below" }, controls, this.pick), this.tip);
  }

  private button(label: string, title: string, work: () => void): HTMLButtonElement {
    const button = html("button", { type: "button", title, "aria-label": title }, label);
    button.addEventListener("click", () => this.frame.guard(work)());
    return button;
  }

  private async read(): Promise<void> {
    const bytes = copied(this.model.get("drawings"));
    const [names, drawings] = await Promise.all([namesOf(this.model), bytes.byteLength ? inflated(bytes) : this.drawings]);
    this.names = names;
    this.drawings = drawings as Drawings;
    this.show();
  }

  private members(): void {
    this.compare.hidden = !this.link.hears("compare");
    this.open.hidden = !this.link.hears("open");
  }

  // -- the state that Python mirrors

  private get weights(): number[] { return this.model.get("weights") as number[]; }
  private get limits(): (number | null)[] { return this.model.get("limits") as (number | null)[]; }
  private get choice(): Choice { return this.model.get("choice") as Choice; }

  /** Takes weights and limits, and picks by them what is not to stay picked. */
  private keep(weights: number[], limits: (number | null)[], kept?: Choice): void {
    const choice = this.front.pick(weights, this.front.allowed(limits), kept);
    this.put({ weights, limits, choice });
  }

  private choose(row: number, how: How): void {
    const member = this.front.place.get(row);
    if (member === undefined) return;
    if (!this.front.allowed(this.limits)[member]) return this.frame.say("That one does not meet the limits.");
    this.put({ choice: { row, how } });
  }

  private put(state: { weights?: number[]; limits?: (number | null)[]; choice: Choice }): void {
    const before = this.choice.row;
    for (const [name, value] of Object.entries(state)) this.model.set(name, value);
    this.show();
    if (state.choice.row !== before && state.choice.row >= 0) {
      const name = this.name(state.choice.row);
      if (name) this.link.open(name);
      void this.mark(name);
      this.tell(state.choice.row);
    }
    this.save();
  }

  /** Dragging a slider saves once a frame. */
  private save(): void {
    if (this.saving) return;
    this.saving = true;
    requestAnimationFrame(this.frame.guard(() => {
      this.saving = false;
      this.model.save_changes();
    }));
  }

  private name(row: number): string { return this.names[row] ?? ""; }

  private readings(row: number): [string, string][] {
    const member = this.front.place.get(row);
    return this.front.objectives.map((objective, i) =>
      [objective.label, said(member === undefined ? this.front.columns[i]?.[row] ?? NaN : this.front.values[i]?.[member] ?? NaN, objective)]);
  }

  private tell(row: number): void {
    this.frame.say(this.readings(row).map(([label, value]) => `${label} ${value}`).join(", "));
  }

  // -- what the panels and the linked views do

  private acts(): Acts {
    return {
      look: (row, at, panel) => this.look(row, at, panel),
      click: (row) => (this.front.place.has(row) ? this.choose(row, "hand") : this.opened(row)),
      select: (rows) => { this.link.select(rows); this.select(rows); this.frame.say(`${rows.length} selected`); },
      step: (member) => {
        this.current = member;
        this.tell(this.front.rows[member] as number);
        this.redraw();
      },
      take: () => { if (this.current >= 0) this.choose(this.front.rows[this.current] as number, "hand"); },
    };
  }

  private opened(row: number): void {
    const name = this.name(row);
    if (!name) return;
    this.link.open(name);
    this.marked = row;
    this.redraw();
  }

  private look(row: number, at: [number, number] | undefined, panel: Panel): void {
    if (row !== this.hovered) {
      this.hovered = row;
      this.link.hover(row < 0 ? "" : this.name(row));
      this.redraw();
    }
    this.tip.hidden = row < 0 || !at;
    if (this.tip.hidden || !at) return;
    this.tip.replaceChildren(...this.readings(row).map(([label, value]) => html("div", {}, html("b", {}, value), ` ${label}`)), html("code", {}, this.name(row)));
    const [home, box] = [this.frame.root.getBoundingClientRect(), panel.element.getBoundingClientRect()];
    const [x, y] = [box.left - home.left + at[0], box.top - home.top + at[1]];
    const left = x > home.width / 2 ? x - this.tip.offsetWidth - 14 : x + 14;
    this.tip.style.left = `${Math.max(4, left)}px`;
    this.tip.style.top = `${y + 12}px`;
  }

  private select(rows: Uint32Array): void {
    this.selected = rows;
    this.redraw();
  }

  private async mark(name: string): Promise<void> {
    this.marked = name ? (await placesOf(this.model)).get(name) ?? -1 : -1;
    this.redraw();
  }

  private async point(name: string): Promise<void> {
    this.hovered = name ? (await placesOf(this.model)).get(name) ?? -1 : -1;
    this.redraw();
  }

  private zoom(): void {
    this.close = !this.close;
    this.redraw();
  }

  // -- what is shown

  private show(): void {
    const { limits, choice } = this;
    const allowed = this.front.allowed(limits);
    const met = allowed.filter(Boolean).length;
    const limited = limits.some((limit) => limit !== null);
    this.controls.show(this.weights, limits);
    this.count.textContent = limited ? `${met.toLocaleString("en-US")} of ${allowed.length.toLocaleString("en-US")} meet the limits` : "";
    const knee = this.front.place.get(Number(this.model.get("knee")));
    this.knee.disabled = knee === undefined || !allowed[knee];
    this.knee.title = knee === undefined ? "This front bends nowhere" : allowed[knee] ? "Pick where the front bends most" : "The knee does not meet the limits";
    this.free.disabled = !limited;
    this.closer.disabled = !limited && !this.close;
    put(this.weighed, { "aria-pressed": String(choice.how === "weights") });
    put(this.knee, { "aria-pressed": String(choice.how === "knee") });
    this.redrawPick(choice);
    this.redraw();
  }

  private redrawPick(choice: Choice): void {
    const focused = [this.open, this.compare].find((button) => button === document.activeElement);
    this.pick.replaceChildren(...card(choice, this.name(choice.row), this.front, this.drawings, [this.compare, this.open], this.pick.clientWidth));
    focused?.focus({ preventScroll: true });
  }

  private redraw(): void {
    this.due ||= requestAnimationFrame(this.frame.guard(() => {
      this.due = 0;
      const started = performance.now();
      put(this.closer, { "aria-pressed": String(this.close) });
      const shown = this.shown();
      for (const panel of this.panels) panel.draw(shown);
      this.frame.root.dataset["paintMs"] = (performance.now() - started).toFixed(1);
    }));
  }

  private shown(): Shown {
    const { limits, selected, marked, hovered, current } = this;
    const allowed = this.front.allowed(limits);
    const homes = this.front.objectives.map(({ home }, i) => (this.close ? this.span(i, allowed) ?? home : home));
    return { allowed, limits, picked: this.choice.row, knee: Number(this.model.get("knee")), marked, hovered, current, selected, homes };
  }

  /** From the least to the most of what the limits leave, with a little room. */
  private span(objective: number, allowed: boolean[]): [number, number] | undefined {
    const values = [...(this.front.values[objective] ?? [])].filter((_, member) => allowed[member]);
    if (values.length === 0) return undefined;
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const pad = (high - low) * 0.1 || Math.abs(high) * 0.02 || 0.5;
    return [low - pad, high + pad];
  }
}

export default widget("wb-front", drawingCss + css, (model, frame) => new Picker(model, frame).listen());
