// The browser half of SupernetMonitor: a training as it goes on, the gates as they are and as they were, and their flows.

import { listed, Panel, redrawn } from "./board/marks";
import { type Acts, Curve, quantity } from "./gates/curves";
import { Flow, legendOf } from "./gates/flow";
import css from "./gates/gates.css";
import { cellsOf, stripOf } from "./gates/ribbons";
import { type Cell, type Cost, Records, type Status } from "./gates/state";
import { Tip } from "./gates/tip";
import { figure } from "./monitor/trials";
import { html, put } from "./shared/dom";
import { type Frame, widget } from "./shared/frame";
import { Link } from "./shared/link";
import { listen, type Model } from "./shared/model";

const ASK = 3000, AGAIN = 30_000; // milliseconds from the kernel's last word to a question; to the next, where none was answered
const FEW = 8; // gates whose flows stand beside them
const SMALL = 120, LARGE = 400; // epochs that a flow is drawn of at most

class Monitor {
  private readonly records: Records;
  private readonly link: Link;
  private readonly acts: Acts;
  private readonly curves: Record<"loss" | "accuracy" | "cost", Curve>;
  private readonly heading = html("h3");
  private readonly words = html("span", { class: "wb-phase" });
  private readonly bar = html("div", { class: "wb-done", role: "progressbar", "aria-label": "Epochs done" }, html("i"));
  private readonly slider = html("input", { type: "range", min: 1, max: 1, value: 1, "aria-label": "Epoch that is shown" });
  private readonly count = html("span", { class: "wb-count-of" });
  private readonly newest = html("button", { type: "button", title: "Follow the training" }, "newest");
  private readonly when = html("div", { class: "wb-when" }, html("span", {}, "epoch"), this.slider, this.count, this.newest);
  private readonly course = new Panel("wb-course", "Training");
  private readonly gates = new Panel("wb-gates", "Gates");
  private readonly stage = html("div", { class: "wb-gates-of" });
  private readonly winner = html("div", { class: "wb-winner" });
  private readonly opener = html("button", { type: "button", title: "Open this architecture in the linked views" }, "open");
  private readonly flows = new Panel("wb-flows", "Flow");
  private readonly many = html("div", { class: "wb-many", role: "listbox", "aria-label": "Flows of the gates" });
  private readonly one = html("div", { class: "wb-one", hidden: true });
  private readonly legend = html("div", { class: "wb-legend" });
  private readonly tip: Tip;
  private small: Flow[] = [];
  private large: Flow | undefined;
  private chosen = -1;
  private pointed = -1;
  private made = "";
  private due = 0;
  private asking = 0;
  private waiting = false; // for an answer
  private heard = 0;

  constructor(private readonly model: Model, private readonly frame: Frame) {
    this.records = new Records(model);
    this.link = new Link(model, frame);
    this.acts = { point: (epoch) => this.point(epoch), go: (epoch) => this.go(epoch) };
    const share = (value: number) => `${(100 * value).toFixed(1)}`;
    this.curves = {
      loss: new Curve(frame, "loss", (value) => figure(Number(value.toPrecision(3))), this.acts),
      accuracy: new Curve(frame, "training accuracy (%)", share, this.acts, 100),
      cost: new Curve(frame, `expected ${this.cost.label}`, quantity, this.acts),
    };
    this.tip = new Tip(frame.root, this.records, () => this.epoch, frame.guard);
    this.build();
  }

  private build(): void {
    const { frame, slider, newest } = this;
    slider.addEventListener("input", frame.guard(() => this.slide(Number(slider.value))));
    slider.addEventListener("change", frame.guard(() => this.keep()));
    newest.addEventListener("click", frame.guard(() => {
      this.model.set("epoch", 0);
      this.keep();
      this.at();
    }));
    this.opener.addEventListener("click", frame.guard(() => {
      const name = this.records.name(this.epoch);
      if (name) this.attempt(() => this.link.open(name));
    }));
    this.course.element.append(html("div", { class: "wb-curves" }, ...Object.values(this.curves).map((curve) => curve.element)), this.when);
    this.course.heading.remove();
    this.course.head.remove();
    put(this.course.element, { "aria-labelledby": undefined, "aria-label": "Training" });
    put(this.stage, { role: "listbox", "aria-label": "Gates" });
    for (const host of [this.stage, this.many]) listed(host, frame.guard((name: string) => this.choose(Number(name))));
    this.gates.element.append(this.stage, this.legend, this.winner);
    this.flows.element.append(this.one, this.many);
    frame.root.append(html("div", { class: "wb-standing" }, html("div", { class: "wb-head" }, this.heading, this.words), this.bar),
      html("div", { class: "wb-panels" }, this.course.element, this.gates.element, this.flows.element), this.tip.element);
    this.draw();
  }

  listen(): () => void {
    const { model, frame } = this;
    const draw = frame.guard(() => {
      this.due ||= requestAnimationFrame(frame.guard(() => {
        this.due = 0;
        this.draw();
      }));
    });
    const stops = [
      ...["status", "curves", "flow", "gates", "cells", "best", "title"].map((name) => listen(model, `change:${name}`, draw)),
      listen(model, "change:status", frame.guard(() => this.told())),
      listen(model, "change:epoch", frame.guard(() => this.at())),
      () => cancelAnimationFrame(this.due), () => clearTimeout(this.asking), () => this.link.stop(),
    ];
    this.ask();
    return () => stops.forEach((stop) => stop());
  }

  private get status(): Status { return this.model.get("status") as Status; }
  private get cost(): Cost { return this.model.get("cost") as Cost; }
  private get running(): boolean { return this.status.phase === "running"; }
  /** The number of the last epoch of the axes: while a training goes on, of the last one that is to come. */
  private get goal(): number { return this.running ? this.status.goal : this.records.epochs; }

  /** The epoch that is shown, from 0; -1 while there is none. */
  private get epoch(): number {
    if (this.pointed >= 0) return Math.min(this.pointed, this.records.epochs - 1);
    const kept = Number(this.model.get("epoch"));
    return (kept > 0 ? Math.min(kept, this.records.epochs) : this.records.epochs) - 1;
  }

  // -- the kernel: while it trains it answers nothing, so an answer says that it does not train any more

  private ask(): void {
    clearTimeout(this.asking);
    if (!this.running || this.model.alone || this.frame.gone()) return;
    this.waiting = true;
    this.asking = window.setTimeout(this.frame.guard(() => this.ask()), AGAIN);
    this.attempt(() => this.model.send({ kind: "hello" }));
  }

  private told(): void {
    const { heard } = this.status;
    if (heard !== this.heard) this.waiting = false;
    this.heard = heard;
    clearTimeout(this.asking);
    if (this.running && !this.model.alone) this.asking = window.setTimeout(this.frame.guard(() => this.ask()), this.waiting ? AGAIN : ASK);
  }

  /** Does what needs the kernel: JupyterLab throws where there is none any more, and the view goes on without. */
  private attempt(work: () => void): void {
    try {
      work();
    } catch {
      this.words.textContent = `${this.status.words} There is no kernel behind this page.`;
    }
  }

  // -- which epoch, and which gate

  private point(epoch: number): void {
    if (epoch === this.pointed) return;
    this.pointed = epoch;
    this.at();
  }

  private go(epoch: number): void {
    this.slide(epoch + 1);
    this.keep();
    this.frame.say(`Shown is epoch ${epoch + 1}.`);
  }

  private slide(epoch: number): void {
    this.model.set("epoch", epoch >= this.records.epochs ? 0 : epoch);
    this.at();
  }

  private keep(): void {
    this.attempt(() => this.model.save_changes());
  }

  private choose(gate: number): void {
    this.chosen = this.chosen === gate ? -1 : gate;
    this.enlarge();
    this.at();
    for (const one of this.many.children) put(one, { "aria-selected": String(Number((one as HTMLElement).dataset["name"]) === this.chosen) });
    if (this.chosen >= 0) this.frame.say(`${this.records.gates[gate]?.name}: ${this.records.words(gate, this.epoch)}`);
  }

  private enlarge(): void {
    const gate = this.records.gates[this.chosen];
    this.one.hidden = !gate;
    this.large = gate && new Flow(this.frame, this.records, this.chosen, LARGE, true, {}, this.acts);
    if (!gate || !this.large) return this.one.replaceChildren();
    const close = html("button", { type: "button", "aria-label": `Close the large flow of ${gate.name}` }, "close");
    close.addEventListener("click", this.frame.guard(() => {
      const before = this.chosen;
      this.choose(before);
      (this.many.querySelector(`[data-name="${before}"]`) as HTMLElement | null)?.focus();
    }));
    this.one.replaceChildren(html("div", { class: "wb-one-head" }, html("b", {}, gate.name), close), this.large.element);
    this.large.show(this.goal);
  }

  // -- what is shown

  private draw(): void {
    const { records, status, model } = this;
    records.take();
    this.heading.textContent = String(model.get("title"));
    this.words.textContent = status.words;
    put(this.frame.root, { "data-phase": status.phase, "data-epochs": records.epochs });
    this.bar.hidden = !status.goal;
    put(this.bar, { "aria-valuemin": 0, "aria-valuemax": status.goal || 1, "aria-valuenow": records.epochs });
    (this.bar.firstElementChild as HTMLElement).style.width = `${(100 * Math.min(1, records.epochs / (status.goal || 1))).toFixed(1)}%`;
    for (const [name, curve] of Object.entries(this.curves)) {
      curve.show(records.curves[name] ?? [], this.goal, name === "cost" ? this.cost.limit : null);
    }
    put(this.slider, { max: Math.max(1, records.epochs) });
    this.course.element.hidden = records.epochs === 0;
    this.slider.disabled = records.epochs < 2;
    this.gates.element.hidden = this.flows.element.hidden = !records.known;
    this.drawFlows();
    this.at();
  }

  private drawFlows(): void {
    const { records } = this;
    const made = JSON.stringify(records.gates);
    this.flows.heading.textContent = `${records.said.charAt(0).toUpperCase()}${records.said.slice(1)} over the epochs`;
    this.frame.root.classList.toggle("wb-few", records.gates.length <= FEW);
    this.flows.note.textContent = records.said === "probability" ? "" : "of those that have the gate";
    if (made !== this.made) {
      this.made = made;
      this.chosen = -1;
      this.small = records.gates.map((gate, number) => new Flow(this.frame, records, number, SMALL, false,
        { "data-name": number, role: "option", "aria-selected": "false", tabindex: number ? -1 : 0, "aria-label": gate.name }, this.acts));
      this.many.replaceChildren(...this.small.map((flow) => flow.element));
      this.legend.replaceChildren(...legendOf(records.gates));
      this.enlarge();
    }
    for (const flow of this.small) flow.show(this.goal);
    this.large?.show(this.goal);
  }

  /** Everything that depends on the epoch that is shown. */
  private at(): void {
    const { records, epoch } = this;
    const kept = Number(this.model.get("epoch"));
    this.slider.value = String(epoch + 1);
    put(this.slider, { "aria-valuetext": `epoch ${epoch + 1} of ${records.epochs}` });
    this.count.textContent = epoch < 0 ? "" : `${epoch + 1} of ${records.epochs}`;
    put(this.newest, { "aria-pressed": String(kept === 0) });
    for (const curve of Object.values(this.curves)) curve.at(epoch);
    if (!records.known || epoch < 0) return;
    for (const flow of this.small) flow.at(epoch, true);
    this.large?.at(epoch);
    this.gates.note.textContent = `after epoch ${epoch + 1}`;
    this.tip.again();
    const cells = this.model.get("cells") as Cell[];
    this.stage.classList.toggle("wb-strip", cells.length === 0);
    redrawn(this.stage, cells.length ? cellsOf(records, cells, epoch, this.chosen) : stripOf(records, epoch, this.chosen));
    this.drawWinner();
  }

  private drawWinner(): void {
    const name = this.records.name(this.epoch);
    this.winner.hidden = name === "";
    if (name) this.winner.replaceChildren(html("span", {}, "most probable"), html("code", {}, name), this.opener);
  }
}

export default widget("wb-supernet", css, (model, frame) => new Monitor(model, frame).listen());
