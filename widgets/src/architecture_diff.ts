// The browser half of ArchitectureDiff: architectures on cards, drawn on one layout, compared with the one chosen.

import { card, type Deeds, picture, type Showing, waiting } from "./diff/card";
import css from "./diff/diff.css";
import drawingCss from "./diff/drawing.css";
import { type Comparison, Tray } from "./diff/state";
import { html } from "./shared/dom";
import { type Frame, widget } from "./shared/frame";
import { Link } from "./shared/link";
import { listen, type Model } from "./shared/model";
import { type Decisions, sheetOf } from "./shared/sheet";

const SILENT = 4000; // ms until a card without an answer from the kernel says so
const LEGIBLE = 10.5; // px that labels should have
const NARROWEST = 320; // px of a card
const HALF = 0.5; // how small a drawing may become before it is scrolled

class Comparing {
  private readonly tray: Tray;
  private readonly link: Link;
  private drawn = true;
  private every = false;
  private size = 1;
  private silent = new Set<string>();
  private reading = false; // of the sheet, for cards that Python does not make
  private readonly timers = new Map<string, number>();
  private readonly cards = html("div", { class: "wb-cards" });
  private readonly empty = html("div", { class: "wb-empty" });
  private readonly subtitle = html("span");
  private readonly legend = html("div", { class: "wb-legend" });
  private readonly drawings = this.toggle("drawings", "Show the drawings", () => (this.drawn = !this.drawn), () => this.drawn);
  private readonly all = this.toggle("all numbers", "Show every number of the table", () => (this.every = !this.every), () => this.every);
  private readonly deeds: Deeds;

  constructor(private readonly model: Model, private readonly frame: Frame) {
    this.tray = new Tray(model);
    this.link = new Link(model, frame);
    this.deeds = {
      open: frame.guard((name) => this.open(name)),
      refer: frame.guard((name) => this.refer(name)),
      shift: frame.guard((name, by) => this.shift(name, by)),
      remove: frame.guard((name) => this.remove(name)),
      hover: frame.guard((name) => this.link.hover(name)),
    };
    frame.root.append(
      html("div", { class: "wb-head" }, html("h3", {}, String(model.get("title"))), this.subtitle, html("div", { class: "wb-bar" }, this.drawings, this.all)),
      this.empty, this.cards, this.legend);
    this.link.onCompare((name) => this.add(name));
    this.link.onOpen(() => this.mark());
    this.link.onHover((name) => this.point(name));
    this.show();
    this.refusal();
  }

  listen(): () => void {
    const { model, frame } = this;
    const show = frame.guard(() => this.show());
    const observer = new ResizeObserver(frame.guard(() => this.fit()));
    observer.observe(this.cards);
    const stops = [
      ...["comparison", "order", "reference"].map((name) => listen(model, `change:${name}`, show)),
      ...["message", "order"].map((name) => listen(model, `change:${name}`, frame.guard(() => this.refusal()))),
    ];
    return () => {
      stops.forEach((stop) => stop());
      observer.disconnect();
      this.timers.forEach((timer) => clearTimeout(timer));
      this.link.stop();
    };
  }

  private toggle(label: string, hint: string, work: () => void, on: () => boolean): HTMLButtonElement {
    const button = html("button", { type: "button", title: hint, "aria-pressed": String(on()) }, label);
    button.addEventListener("click", () => this.frame.guard(() => {
      work();
      button.setAttribute("aria-pressed", String(on()));
      this.show();
    })());
    return button;
  }

  // -- what the user and the linked views do

  private add(name: string): void {
    const { order, most } = this.tray;
    if (order.includes(name)) return this.frame.say("That architecture is compared already.");
    if (order.length >= most) return this.frame.alert(`At most ${most} architectures are compared at once. Remove one first.`);
    this.frame.alert("");
    this.tray.keep([...order, name]);
    this.show();
    this.frame.say("Added to the comparison.");
  }

  private remove(name: string): void {
    const title = this.title(name);
    this.frame.alert("");
    this.tray.keep(this.tray.order.filter((one) => one !== name));
    this.link.hover("");
    this.show();
    this.frame.say(`${title} removed.`);
  }

  private shift(name: string, by: -1 | 1): void {
    const order = [...this.tray.order];
    const at = order.indexOf(name);
    const other = order[at + by];
    if (at < 0 || other === undefined) return;
    [order[at], order[at + by]] = [other, name];
    this.tray.keep(order);
    this.show();
    this.frame.say(`${this.title(name)} is number ${at + by + 1} of ${order.length}.`);
  }

  private refer(name: string): void {
    if (this.model.alone && !(name in this.tray.comparison.layout_of)) {
      return this.frame.alert("Comparing such large architectures with another one needs Python, which this page has not.");
    }
    this.tray.keep(this.tray.order, name);
    this.show();
    this.frame.say(`Compared with ${this.title(name)} now.`);
  }

  private open(name: string): void {
    this.link.open(name);
    this.mark();
  }

  private title(name: string): string {
    return this.tray.comparison.cards[name]?.title ?? "That architecture";
  }

  // -- what is shown

  private refusal(): void {
    this.frame.alert(String(this.model.get("message")));
  }

  private show(): void {
    const { order, reference, comparison } = this.tray;
    const focused = this.cards.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset["key"] : undefined;
    const widest = Math.max(0, ...comparison.layouts.map((layout) => layout.width));
    const least = Math.round(widest * HALF);
    this.cards.style.setProperty("--wb-least", `${least}px`);
    this.cards.style.setProperty("--wb-card", `${this.drawn ? Math.max(NARROWEST, Math.min(least + 30, 2 * NARROWEST)) : NARROWEST}px`);
    this.cards.replaceChildren(...order.map((name, i) => {
      const showing = { first: i === 0, last: i === order.length - 1, drawn: this.drawn, every: this.every, size: this.size };
      return name in comparison.cards ? card(name, reference, comparison, showing, this.deeds) : this.pending(name, showing);
    }));
    for (const name of this.timers.keys()) if (name in comparison.cards || !order.includes(name)) this.settle(name);
    this.describe(order, comparison, reference);
    this.mark();
    this.fit();
    if (focused !== undefined) this.refocus(focused);
  }

  private describe(order: string[], comparison: Comparison, reference: string): void {
    const count = order.length;
    this.empty.hidden = count > 0;
    this.cards.hidden = count === 0;
    this.empty.textContent = "Nothing to compare yet: linked views put architectures here, or Python does with add(arch).";
    const title = comparison.cards[reference]?.title ?? "";
    this.subtitle.textContent = count === 0 ? "" : `${count} architecture${count === 1 ? "" : "s"}${count > 1 ? `, differences from ${title} highlighted` : ""}`;
    this.all.hidden = !comparison.rows.some((row) => row.more) || count === 0;
    this.drawings.hidden = count === 0;
    this.legend.hidden = count < 2;
    const key = (sign: string, words: string) => html("span", {}, html("b", {}, sign), ` ${words}`);
    this.legend.replaceChildren(key("+", "added"), key("−", "removed (dashed)"), key("was …", "operation changed"),
      ...(comparison.footnote ? [html("span", {}, comparison.footnote)] : []));
  }

  /** Focus stays on the same button of the same card, or goes to the cards where that is gone or has nothing to do. */
  private refocus(key: string): void {
    const buttons = [...this.cards.querySelectorAll<HTMLButtonElement>("button")];
    const same = buttons.find((button) => button.dataset["key"] === key);
    const name = key.slice(key.indexOf(" ") + 1);
    const beside = buttons.filter((button) => !button.disabled);
    (same && !same.disabled ? same : beside.find((button) => button.dataset["key"]?.endsWith(` ${name}`)) ?? beside[0])?.focus({ preventScroll: true });
  }

  private mark(): void {
    const opened = (this.model.get("opened") as { name?: string }).name;
    for (const one of this.cards.children) one.classList.toggle("wb-opened", (one as HTMLElement).dataset["name"] === opened);
  }

  private point(name: string): void {
    for (const one of this.cards.children) one.classList.toggle("wb-hovered", (one as HTMLElement).dataset["name"] === name);
  }

  /** Letters stay legible: where drawings become small, their labels are drawn larger. */
  private fit(): void {
    const { reference, comparison, order } = this.tray;
    const layout = comparison.layouts[comparison.layout_of[reference] ?? 0];
    const room = this.cards.querySelector(".wb-diff-drawing")?.clientWidth ?? 0;
    if (!layout || room === 0) return;
    const size = Math.max(1, Math.round((20 * LEGIBLE * layout.width) / (13 * room)) / 20);
    if (size === this.size) return;
    this.size = size;
    for (const [i, figure] of [...this.cards.querySelectorAll(".wb-card > .wb-figure")].entries()) {
      const name = order[i] as string;
      const said = figure.parentElement?.getAttribute("aria-label") ?? "";
      if (name in comparison.cards && reference in comparison.layout_of && this.drawn) figure.replaceChildren(picture(name, reference, comparison, size, said));
    }
  }

  // -- cards that Python has not made yet

  private pending(name: string, showing: Showing): HTMLElement {
    if (!this.silent.has(name) && !this.model.alone) {
      if (!this.timers.has(name)) this.timers.set(name, setTimeout(this.frame.guard(() => this.unanswered(name)), SILENT));
      return waiting(name, "waiting for Python …", [], [], showing, this.deeds);
    }
    const sheet = sheetOf(this.model);
    if (!this.reading && !sheet.ready) {
      this.reading = true;
      sheet.onReady(this.frame.guard(() => this.show()));
    }
    const row = sheet.ready ? sheet.rowOf(name) : -1;
    const mine = row < 0 ? undefined : sheet.decisions(row);
    const facts = mine ? sheet.facts(mine) ?? [] : [];
    const said = mine ? "Python does not answer: no drawing, and no differences in the numbers." : "Python does not answer: there is no drawing and no number of this one.";
    return waiting(name, said, facts, mine ? this.changed(mine, sheet.rowOf(this.tray.reference)) : [], showing, this.deeds);
  }

  private unanswered(name: string): void {
    this.silent.add(name);
    this.show();
  }

  /** The answers that differ from the reference's. */
  private changed(mine: Decisions, reference: number): string[] {
    if (reference < 0) return [];
    const theirs = sheetOf(this.model).decisions(reference);
    return Object.keys(mine).filter((name) => mine[name] !== theirs[name]).map((name) => `${name}: ${theirs[name]} → ${mine[name]}`);
  }

  private settle(name: string): void {
    clearTimeout(this.timers.get(name));
    this.timers.delete(name);
    this.silent.delete(name);
  }
}

export default widget("wb-diff", drawingCss + css, (model, frame) => new Comparing(model, frame).listen());
