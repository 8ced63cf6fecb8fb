// The browser half of SearchMonitor: follows studies while they are searched, shows where trials come from, and steers.

import { Panel } from "./board/marks";
import { Cells } from "./monitor/cells";
import { Chart } from "./monitor/chart";
import { Follower } from "./monitor/follower";
import { Lineage } from "./monitor/lineage";
import css from "./monitor/monitor.css";
import parts from "./monitor/parts.css";
import { type How, Pins } from "./monitor/pins";
import { curves, front } from "./monitor/scenes";
import { Standing } from "./monitor/standing";
import { Last } from "./monitor/table";
import { figure, type Objective, type Question, type Reference, STATE, type Status, Trials } from "./monitor/trials";
import { Weights } from "./monitor/weights";
import { html, put } from "./shared/dom";
import { type Frame, widget } from "./shared/frame";
import { Link } from "./shared/link";
import { listen, type Model } from "./shared/model";

const BEST = 420, CANDIDATE = 190; // pixels of drawings

class Monitor {
  private readonly trials: Trials;
  private readonly cells: Cells;
  private readonly questions: Question[];
  private readonly link: Link;
  private readonly chart: Chart;
  private readonly lineage: Lineage;
  private readonly pins: Pins;
  private readonly weights: Weights;
  private readonly last: Last;
  private readonly standing: Standing;
  private readonly follower: Follower;
  private readonly chartPanel = new Panel("wb-curve-panel", "");
  private readonly bestPanel = new Panel("wb-best", "Best so far");
  private readonly bestCell = html("div", { class: "wb-drawn" });
  private readonly candidates = html("div", { class: "wb-candidates" });
  private readonly enqueue = html("button", { type: "button", class: "wb-enqueue", hidden: true });
  private readonly whole = html("button", { type: "button", "aria-pressed": "false", title: "Show the worst trials too" }, "whole range");
  private axes: [number, number] = [0, 1];
  private opened = "";
  private row = -1;
  private selected: string[] = [];
  private drawnBest = "";
  private drawnCandidates = "";

  constructor(private readonly model: Model, private readonly frame: Frame) {
    const studies = (model.get("names") as string[]).length;
    this.questions = model.get("questions") as Question[];
    this.trials = new Trials(model, model.get("objectives") as Objective[], studies);
    this.cells = new Cells(model);
    this.link = new Link(model, frame);
    const open = (i: number) => this.open(this.trials.row(i)?.[6] ?? "", i);
    this.chart = new Chart(frame, model.get("ramp") as string[], {
      open, hover: (i) => this.link.hover(this.trials.row(i)?.[6] ?? ""), words: (i) => this.words(i),
    }, Number(model.get("height")));
    this.lineage = new Lineage(this.trials, this.cells, this.questions, frame.guard(open));
    this.pins = new Pins(frame, this.questions, (question, answer, how) => this.steer(question, answer, how));
    this.weights = new Weights(frame, this.trials.objectives, model.alone === true, (objective, weight, asked) => {
      this.ask({ kind: "weigh", objective, weight, asked });
      this.standing.waitFor();
    });
    this.last = new Last(this.trials, frame.guard(open));
    this.standing = new Standing(frame, model, this.trials, (order) => this.ask({ kind: "order", order }));
    this.standing.onSilence = (silent) => this.weights.silence(silent);
    this.follower = new Follower(model, frame, this.trials, this.cells, this.standing, () => this.draw());
    this.enqueue.addEventListener("click", frame.guard(() => this.ask({ kind: "enqueue", name: this.opened })));
    this.build();
  }

  private build(): void {
    const { frame, chartPanel, bestPanel } = this;
    chartPanel.heading.textContent = this.several ? "Pareto front" : "Best so far";
    chartPanel.head.append(...this.controls());
    chartPanel.element.append(this.chart.element, this.legend());
    bestPanel.element.append(this.bestCell, this.candidates);
    bestPanel.heading.textContent = this.several ? "Open trial" : "Best cell";
    const opened = String((this.model.get("opened") as { name?: string }).name ?? "");
    frame.root.append(this.standing.element, html("div", { class: "wb-panels" },
      this.weights.panel.element, chartPanel.element, bestPanel.element, this.lineage.panel.element, this.last.panel.element, this.pins.panel.element));
    this.standing.buttons.append(this.enqueue);
    this.openedElsewhere(opened);
    this.draw();
  }

  listen(): () => void {
    const { model, frame, link } = this;
    link.onOpen((name) => {
      this.openedElsewhere(name);
      this.draw();
    });
    link.onSelect((selection) => void selection.names().then(frame.guard((names: string[]) => this.select(names))));
    link.onHover((name) => this.chart.mark(name ? this.trials.named(name) : this.row, this.chosen()));
    link.onMembers(() => this.draw());
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const repaint = () => this.chart.again();
    const size = new ResizeObserver(repaint);
    size.observe(this.chart.element);
    scheme.addEventListener("change", repaint);
    const stops = [
      this.follower.listen(),
      listen(model, "change:status", frame.guard(() => this.weights.draw(this.status, this.steerable))), // misses no answer
      listen(model, "change:marked", frame.guard(() => this.select(model.get("marked") as string[]))),
      () => { size.disconnect(); scheme.removeEventListener("change", repaint); },
      () => link.stop(), () => this.chart.stop(), () => this.weights.stop(),
    ];
    return () => stops.forEach((stop) => stop());
  }

  private get several(): boolean { return this.trials.objectives.length > 1; }
  private get status(): Status { return this.model.get("status") as Status; }
  private get steerable(): boolean { return this.status.studies.some((study) => study.name !== "watched"); }

  // -- what comes in

  private select(names: string[]): void {
    this.selected = names;
    this.chart.mark(this.row, this.chosen());
  }

  private chosen(): number[] {
    return this.selected.map((name) => this.trials.named(name)).filter((i) => i >= 0);
  }

  // -- what goes out

  private ask(content: object): void {
    this.follower.ask(content);
  }

  private steer(question: string, answer: number, how: How): void {
    this.ask({ kind: "steer", question, answer, how });
    this.standing.waitFor();
  }

  private open(name: string, row: number): void {
    this.row = row;
    if (name) {
      this.opened = name;
      this.follower.attempt(() => this.link.open(name));
    }
    this.frame.say(this.words(row));
    this.draw();
  }

  private openedElsewhere(name: string): void {
    this.opened = name;
    this.row = this.trials.named(name);
  }

  // -- what is shown

  private draw(): void {
    const began = performance.now();
    this.trials.take();
    const { trials, status } = this;
    if (this.row < 0 && this.opened) this.row = trials.named(this.opened);
    const goal = Math.max(0, ...status.studies.map((study) => study.goal ?? 0));
    const whole = this.whole.getAttribute("aria-pressed") === "true";
    const scene = this.several ? front(trials, goal, this.axes, whole)
      : curves(trials, this.model.get("references") as Reference[], goal, whole);
    this.chart.show(scene, this.several ? `Front of ${trials.size} trials.` : `Best so far of ${trials.size} trials: ${this.value(trials.top)}.`);
    this.chart.mark(this.row, this.chosen());
    const missing = this.lineage.draw(this.row);
    if (missing.length) this.ask({ kind: "cells", names: missing });
    this.last.draw(this.row);
    this.pins.draw(status, this.steerable);
    this.weights.draw(status, this.steerable);
    this.drawBest(); // after the pins, which it marks
    this.drawCandidates(status);
    this.standing.draw(status);
    this.offer();
    this.frame.root.dataset["drawMs"] = (performance.now() - began).toFixed(1);
    this.frame.root.dataset["trials"] = String(trials.size);
  }

  private drawBest(): void {
    const i = this.several ? this.row : this.trials.top;
    const name = this.trials.row(i)?.[6] ?? "";
    const shown = JSON.stringify([i, name, this.cells.has(name), this.status.pins, this.status.forbidden]);
    if (shown === this.drawnBest) return;
    this.drawnBest = shown;
    this.bestPanel.note.textContent = i < 0 ? "" : `${this.value(i)} · trial ${this.trials.row(i)?.[1]}`;
    const steerable = this.steerable && this.questions.length > 0;
    const pick = { label: (question: string) => this.sayPart(question, i), run: this.frame.guard((question: string) => this.pick(question, i)) };
    const focused = this.bestCell.contains(document.activeElement) ? (document.activeElement as SVGElement).dataset["question"] : undefined;
    this.bestCell.replaceChildren(...(name ? [this.cells.show(name, BEST, steerable ? pick : undefined)]
      : [html("p", { class: "wb-words" }, this.several ? "Click a point." : "No trial has a value yet.")]));
    for (const part of this.bestCell.querySelectorAll<SVGElement>("[data-question]")) {
      const question = String(part.dataset["question"]);
      part.classList.toggle("wb-is-pinned", this.pins.state(question, this.answer(question, i)) === "pinned");
      if (question === focused) part.focus({ preventScroll: true });
    }
  }

  /** A part of the best cell was clicked: its question is pinned to what it has, or let go. */
  private pick(question: string, i: number): void {
    const answer = this.answer(question, i);
    if (answer >= 0) this.steer(question, answer, this.pins.state(question, answer) === "pinned" ? "free" : "pin");
  }

  private answer(question: string, i: number): number {
    return this.trials.row(i)?.[7]?.[this.questions.findIndex((one) => one.name === question)] ?? -1;
  }

  private sayPart(question: string, i: number): string {
    const answer = this.answer(question, i);
    const words = this.questions.find((one) => one.name === question)?.answers[answer]?.[0] ?? "";
    return this.pins.state(question, answer) === "pinned" ? `${question}: ${words}, pinned; let go` : `${question}: pin to ${words}`;
  }

  private drawCandidates(status: Status): void {
    const now = status.current.filter((one) => one.name !== null && this.cells.has(one.name)).slice(0, 4);
    const shown = JSON.stringify(now);
    if (shown === this.drawnCandidates) return;
    this.drawnCandidates = shown;
    const parts = now.map((one) => html("figure", {}, this.cells.show(String(one.name), CANDIDATE), html("figcaption", {}, `trial ${one.trial}`)));
    this.candidates.replaceChildren(...(parts.length ? [html("span", { class: "wb-quiet" }, "being measured"), ...parts] : []));
  }

  private offer(): void {
    const known = this.opened !== "" && this.trials.named(this.opened) >= 0;
    const foreign = this.opened !== "" && !known && this.questions.length > 0;
    this.enqueue.hidden = !foreign;
    put(this.enqueue, { title: this.opened, "aria-label": `Enqueue what is open, ${this.opened}` });
    this.enqueue.textContent = "enqueue what is open";
  }

  private controls(): HTMLElement[] {
    const bar = html("div", { class: "wb-bar" }, this.whole);
    this.whole.addEventListener("click", this.frame.guard(() => {
      put(this.whole, { "aria-pressed": String(this.whole.getAttribute("aria-pressed") !== "true") });
      this.draw();
    }));
    if (!this.several) return [bar];
    const names = this.trials.objectives.map((objective) => objective.name.replaceAll("_", " "));
    if (names.length > 2) {
      bar.append(...([0, 1] as const).map((side) => {
        const menu = html("select", { "aria-label": side ? "Objective upwards" : "Objective across" },
          ...names.map((name, k) => html("option", { value: k, selected: this.axes[side] === k }, name)));
        menu.addEventListener("change", this.frame.guard(() => {
          this.axes[side] = Number(menu.value);
          this.draw();
        }));
        return menu;
      }));
    }
    const select = html("button", { type: "button", title: "Select the front in the linked views" }, "select the front");
    select.addEventListener("click", this.frame.guard(() => this.ask({
      kind: "select", names: this.trials.front().map((i) => this.trials.row(i)?.[6]).filter(Boolean),
    })));
    bar.append(select);
    return [bar];
  }

  private legend(): HTMLElement {
    const parts: [string, string][] = this.several ? [["wb-key-front", "Pareto front"]]
      : [["wb-key-best", this.trials.studies > 1 ? `median of ${this.trials.studies} searches, quartiles` : "best so far"]];
    if (this.trials.studies > 1 && !this.several) parts.push(["wb-key-seed", "each search"]);
    for (const one of this.model.get("references") as Reference[]) parts.push(["wb-key-reference", one.low.length ? `${one.name}, quartiles` : one.name]);
    const ramp = html("i", { class: "wb-ramp", style: `background: linear-gradient(90deg, ${(this.model.get("ramp") as string[]).join(", ")})` });
    return html("div", { class: "wb-legend" }, ...parts.map(([key, words]) => html("span", {}, html("i", { class: `wb-key ${key}` }), words)),
      html("span", {}, "a trial, early", ramp, "late"));
  }

  private value(i: number): string {
    const values = this.trials.row(i)?.[3];
    if (!values) return i < 0 ? "none" : STATE[this.trials.row(i)?.[2] ?? "x"] || "no value";
    return values.map((value, k) => (this.several ? `${this.trials.objectives[k]?.name.replaceAll("_", " ")} ${figure(value)}` : figure(value))).join(", ");
  }

  private words(i: number): string {
    const row = this.trials.row(i);
    if (!row) return "";
    const study = this.trials.studies > 1 ? ` of ${(this.model.get("names") as string[])[row[0]]}` : "";
    const note = row[11] ? ` (${row[11]})` : STATE[row[2]] && row[3] ? ` (${STATE[row[2]]})` : "";
    return `trial ${row[1]}${study}: ${this.value(i)}${note}`;
  }
}

export default widget("wb-monitor", parts + css, (model, frame) => new Monitor(model, frame).listen());
