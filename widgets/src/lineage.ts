// The browser half of Lineage: the family tree of a study's trials over its search curve, and the ancestors of one.

import { Forest } from "./lineage/forest";
import css from "./lineage/lineage.css";
import { formOf, sample } from "./lineage/marks";
import { GENERATION, sceneOf } from "./lineage/scene";
import { Tree } from "./lineage/tree";
import type { How } from "./map/picks";
import { Cells } from "./monitor/cells";
import { Follower } from "./monitor/follower";
import { Lineage as Chain } from "./monitor/lineage";
import parts from "./monitor/parts.css";
import { Standing } from "./monitor/standing";
import { figure, type Objective, type Question, STATE, type Status, Trials } from "./monitor/trials";
import { html, put, svg } from "./shared/dom";
import { type Frame, widget } from "./shared/frame";
import { Link } from "./shared/link";
import { listen, type Model } from "./shared/model";

class Genealogy {
  private readonly trials: Trials;
  private readonly tree: Tree;
  private readonly cells: Cells;
  private readonly link: Link;
  private readonly forest: Forest;
  private readonly chain: Chain;
  private readonly standing: Standing;
  private readonly follower: Follower;
  private readonly menu = html("select", {});
  private readonly whole = html("button", { type: "button", "aria-pressed": "false", title: "Show the worst trials too" }, "whole range");
  private readonly count = html("span");
  private readonly clear = html("button", { type: "button", hidden: true, title: "Select nothing (Escape)" }, "clear");
  private readonly legend = html("div", { class: "wb-legend" });
  private readonly note = html("p", { class: "wb-note-of", hidden: true });
  private opened = "";
  private row = -1;
  private chosen = new Set<number>();
  private shown = "";

  constructor(private readonly model: Model, private readonly frame: Frame) {
    this.trials = new Trials(model, model.get("objectives") as Objective[], 1);
    this.tree = new Tree(this.trials);
    this.cells = new Cells(model);
    this.link = new Link(model, frame);
    const open = frame.guard((i: number) => this.open(i));
    this.forest = new Forest(frame, this.tree, {
      open, hover: (i) => this.link.hover(this.name(i)), words: (i) => this.words(i),
      pick: (rows, how) => this.pick(rows, how), clear: () => this.pick([], "new"),
    }, Number(model.get("height")));
    this.chain = new Chain(this.trials, this.cells, model.get("questions") as Question[], open);
    this.standing = new Standing(frame, model, this.trials);
    this.follower = new Follower(model, frame, this.trials, this.cells, this.standing, () => this.draw());
    this.build();
  }

  private build(): void {
    const { frame, menu, whole, clear } = this;
    menu.append(...[...this.trials.objectives.map((objective) => [objective.name, objective.label] as const), [GENERATION, GENERATION] as const]
      .map(([name, label]) => html("option", { value: name }, label)));
    menu.addEventListener("change", frame.guard(() => {
      this.model.set("y", menu.value);
      this.model.save_changes();
      this.forest.home();
      this.draw();
    }));
    whole.addEventListener("click", frame.guard(() => {
      put(whole, { "aria-pressed": String(whole.getAttribute("aria-pressed") !== "true") });
      this.draw();
      this.forest.home();
    }));
    clear.addEventListener("click", frame.guard(() => this.pick([], "new")));
    const best = this.button("the best", "Open the best trial", () => this.open(this.best));
    const reset = this.button("reset", "First view (double click, 0)", () => this.forest.home());
    frame.root.append(this.standing.element, this.note,
      html("div", { class: "wb-bar wb-tools" }, html("label", {}, "up", menu), whole, html("i", { class: "wb-space" }), this.forest.gestures.modes),
      this.forest.element,
      html("div", { class: "wb-foot" }, this.count, clear, html("div", { class: "wb-bar" }, best, reset)),
      this.legend, this.chain.panel.element);
    this.openedElsewhere(String((this.model.get("opened") as { name?: string }).name ?? ""));
    this.takePicked();
    this.draw();
  }

  private button(label: string, title: string, work: () => void): HTMLButtonElement {
    const button = html("button", { type: "button", title }, label);
    button.addEventListener("click", this.frame.guard(work));
    return button;
  }

  listen(): () => void {
    const { model, frame, link } = this;
    link.onOpen((name) => {
      this.openedElsewhere(name);
      this.draw();
    });
    link.onHover((name) => this.forest.point(name ? this.trials.named(name) : -1));
    link.onSelect((selection) => void selection.names().then(frame.guard((names: string[]) => {
      const wanted = new Set(names);
      this.choose(this.rows().filter((i) => wanted.has(this.name(i))));
    })));
    const stops = [
      this.follower.listen(), this.forest.listen(), () => link.stop(),
      listen(model, "change:picked", frame.guard(() => this.takePicked())),
      listen(model, "change:y", frame.guard(() => this.draw())),
    ];
    return () => stops.forEach((stop) => stop());
  }

  private get status(): Status { return this.model.get("status") as Status; }
  private get several(): boolean { return this.trials.objectives.length > 1; }
  private rows(): number[] { return Array.from({ length: this.tree.size }, (_, i) => i); }
  private name(i: number): string { return this.trials.row(i)?.[6] ?? ""; }

  /** The best row; of several objectives the front's that is best in the first one. */
  private get best(): number { return this.several ? this.tree.incumbents[0] ?? -1 : this.trials.top; }

  // -- what is open, and what is chosen

  private open(i: number): void {
    if (i < 0) return;
    this.row = i;
    const name = this.name(i);
    if (name) {
      this.opened = name;
      this.follower.attempt(() => this.link.open(name));
    }
    this.frame.say(this.words(i));
    this.draw();
  }

  private openedElsewhere(name: string): void {
    this.opened = name;
    this.row = this.trials.named(name);
  }

  private pick(rows: number[], how: How): void {
    const chosen = new Set(how === "new" ? [] : this.chosen);
    for (const i of rows) if (how === "remove") chosen.delete(i);
      else chosen.add(i);
    const all = [...chosen].sort((a, b) => a - b);
    const stamp = this.link.selectNames([...new Set(all.map((i) => this.name(i)))].filter(Boolean));
    this.model.set("picked", { trials: all.map((i) => this.trials.row(i)?.[1]), stamp });
    this.follower.attempt(() => this.model.save_changes());
    this.choose(all);
    this.frame.say(this.count.textContent ?? "");
  }

  private takePicked(): void {
    const { trials = [] } = this.model.get("picked") as { trials?: number[] };
    this.choose(trials.map((number) => this.trials.find(0, number)).filter((i) => i >= 0));
  }

  private choose(rows: number[]): void {
    this.chosen = new Set(rows);
    this.count.textContent = rows.length ? `${rows.length.toLocaleString("en-US")} selected` : "nothing selected";
    this.clear.hidden = rows.length === 0;
    this.forest.mark(this.row, this.chosen);
  }

  // -- what is shown

  private draw(): void {
    const began = performance.now();
    this.trials.take();
    this.tree.take();
    const { trials, tree, status } = this;
    if (this.row < 0 && this.opened) this.row = trials.named(this.opened);
    const up = String(this.model.get("y"));
    this.menu.value = up;
    this.whole.hidden = up === GENERATION;
    const goal = Math.max(0, ...status.studies.map((study) => study.goal ?? 0));
    const scene = sceneOf(trials, tree, up, goal, this.whole.getAttribute("aria-pressed") === "true");
    this.forest.show(scene, `Family tree of ${tree.size} trials, ${scene.labels[1]} over trials; ${this.bestWords()}.`);
    this.forest.mark(this.row, this.chosen);
    const missing = this.chain.draw(this.row >= 0 ? this.row : this.best);
    if (missing.length) this.follower.ask({ kind: "cells", names: missing });
    const alone = tree.size > 0 && !tree.parent.some((parent) => parent >= 0);
    this.note.hidden = !alone;
    this.note.textContent = "This study's sampler does not say what its trials were made from: each stands for itself.";
    this.drawLegend(alone);
    this.standing.draw(status);
    this.frame.root.dataset["drawMs"] = (performance.now() - began).toFixed(1);
    this.frame.root.dataset["trials"] = String(trials.size);
  }

  private drawLegend(alone: boolean): void {
    const { tree, trials } = this;
    const shown = JSON.stringify([tree.operators, tree.made, trials.counts, tree.incumbents.length]);
    if (shown === this.shown) return;
    this.shown = shown;
    const part = (picture: Element, words: string) => html("span", {}, picture, words);
    const small = (...children: SVGElement[]) => svg("svg", { width: 32, height: 14, "aria-hidden": "true" }, ...children);
    const line = (name: string) => svg("path", { d: "M0,7H28", class: `wb-descent ${name}` });
    this.legend.replaceChildren(
      ...tree.operators.map((name, kind) => part(sample(formOf(tree.operators, kind)),
        `${name || (alone ? "trial" : "no parent known")} (${(tree.made[kind] ?? 0).toLocaleString("en-US")})`)),
      part(small(svg("circle", { cx: 16, cy: 7, r: 5.5, class: "wb-mark wb-record" })), this.several ? "on the front" : "better than all before"),
      ...(alone ? [] : [part(small(line("wb-famous")), this.several ? "what the front comes from" : "what these come from")]),
      ...(tree.other.some((i) => i >= 0) ? [part(small(line("wb-second")), "second parent")] : []),
      ...(trials.counts.over ? [part(small(svg("circle", { cx: 16, cy: 7, r: 4, class: "wb-mark wb-hollow" })), "over a bound")] : []),
      ...(trials.counts.failed || trials.counts.unmeasured
        ? [part(small(svg("path", { d: "M12,3L20,11M12,11L20,3", class: "wb-mark wb-failed" })), "no value")] : []),
    );
  }

  private bestWords(): string {
    return this.best < 0 ? "none has a value yet" : `the best is ${this.words(this.best)}`;
  }

  private words(i: number): string {
    const row = this.trials.row(i);
    if (!row) return "";
    const value = row[3]?.map((one, k) => (this.several ? `${this.trials.objectives[k]?.name.replaceAll("_", " ")} ${figure(one)}` : figure(one))).join(", ");
    const state = row[11] || STATE[row[2]];
    const [count, best] = this.tree.descendants(i);
    const parents = [row[8], row[12]].filter((number) => number !== null).join(" and ");
    return `trial ${row[1]}: ${value ?? (state || "no value")}${value && state ? ` (${state})` : ""}`
      + (parents ? `, ${row[9] || "made"} of ${parents}` : row[9] ? `, ${row[9]}` : "")
      + (count ? `, ${count.toLocaleString("en-US")} come${count === 1 ? "s" : ""} from it` : "")
      + (best >= 0 ? `, the best ${figure(this.trials.row(best)?.[3]?.[0])}` : "");
  }
}

export default widget("wb-genealogy", parts + css, (model, frame) => new Genealogy(model, frame).listen());
