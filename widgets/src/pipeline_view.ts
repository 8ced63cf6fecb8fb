// The browser half of PipelineView: a run's stages as a graph that fills in while it goes on, and a panel for each.

import { copy, html, put } from "./shared/dom";
import { type Frame, widget } from "./shared/frame";
import { listen, type Model } from "./shared/model";
import { Board } from "./stages/board";
import { fileLink } from "./stages/files";
import { Panel } from "./stages/panel";
import css from "./stages/stages.css";
import { badge, clock, type Looks, paint, Run } from "./stages/state";
import { Table } from "./stages/table";

const TOLD = ["head", "stages", "progress", "details", "message", "chosen", "title"];

class Pipeline {
  private readonly run: Run;
  private readonly looks: Looks;
  private readonly alone: boolean;
  private readonly board: Board;
  private readonly table: Table;
  private readonly panel: Panel;
  private readonly title = html("h3");
  private readonly words = html("span", { class: "wb-words-of" });
  private readonly done = html("b");
  private readonly elapsed = html("span", { class: "wb-time" });
  private readonly counts = html("span", { class: "wb-counts" });
  private readonly bar = html("div", { class: "wb-all", role: "progressbar", "aria-label": "Stages done" });
  private readonly parts = html("div", { class: "wb-parts" });
  private readonly foot = html("div", { class: "wb-foot" });
  private readonly calls = html("div", { class: "wb-calls" });
  private unfolded = "";
  private footed = "";
  private said = new Map<string, string>();
  private due = 0;

  constructor(private readonly model: Model, private readonly frame: Frame) {
    this.alone = model.alone === true;
    this.looks = model.get("looks") as Looks;
    this.run = new Run(model);
    this.board = new Board(frame, this.run, this.looks, { open: (name) => this.toggle(name), unfold: (id) => this.unfold(id) });
    this.table = new Table(frame, this.run, this.looks, (name) => this.toggle(name), () => this.fold());
    this.panel = new Panel(frame, this.run, this.looks, this.alone, { open: (name) => this.choose(name), close: () => this.close() });
    const left = html("div", {}, this.board.element, this.table.element);
    this.parts.append(left, this.panel.element);
    frame.root.append(html("div", { class: "wb-head" }, this.title, this.words),
      html("div", { class: "wb-sum" }, this.done, this.elapsed, this.counts), this.bar, this.parts, this.foot, this.calls);
    this.rebuilt();
    this.call();
  }

  listen(): () => void {
    const { model, frame, board } = this;
    const watch = new ResizeObserver(frame.guard(() => {
      board.lay(this.room);
      board.tell(this.chosen, this.unfolded);
    }));
    watch.observe(board.element);
    const stops = [
      ...TOLD.map((name) => listen(model, `change:${name}`, frame.guard(() => this.soon()))),
      listen(model, "change:graph", frame.guard(() => this.rebuilt())),
      listen(model, "change:calls", frame.guard(() => this.call())),
      () => watch.disconnect(),
      () => cancelAnimationFrame(this.due),
    ];
    return () => stops.forEach((stop) => stop());
  }

  private get chosen(): string { return String(this.model.get("chosen")); }
  private get room(): number { return this.board.element.clientWidth - 6; }

  // -- what a hand does

  private choose(name: string): void {
    this.model.set("chosen", name);
    if (!this.alone) this.model.save_changes();
    this.tell();
    if (name) {
      this.frame.say(this.run.sentence(this.run.stage(name)!));
      this.board.reveal(this.home(name));
      this.panel.element.scrollIntoView({ block: "nearest" });
    }
  }

  private toggle(name: string): void { this.choose(this.chosen === name ? "" : name); }

  private close(): void {
    const node = this.home(this.chosen);
    this.choose("");
    if (this.unfolded && node === this.unfolded) this.table.focus();
    else this.board.focus(node);
  }

  private unfold(id: string): void {
    this.unfolded = this.unfolded === id ? "" : id;
    this.table.show(this.run.graph.nodes.find((node) => node.id === this.unfolded));
    this.tell();
  }

  private fold(): void {
    const id = this.unfolded;
    this.unfold(id);
    this.board.focus(id);
  }

  private home(name: string): string {
    return this.run.graph.nodes.find((node) => node.stages.includes(name))?.id ?? "";
  }

  // -- what is shown

  private soon(): void {
    this.due ||= requestAnimationFrame(this.frame.guard(() => {
      this.due = 0;
      this.tell();
    }));
  }

  /** The stages are other ones. */
  private rebuilt(): void {
    this.run.take();
    this.board.build();
    const node = this.run.graph.nodes.find((one) => one.id === this.unfolded && one.stages.length > 1);
    this.unfolded = node?.id ?? "";
    this.table.show(node);
    this.said = new Map(this.run.stages.map((stage) => [stage.name, stage.state]));
    this.tell();
  }

  private tell(): void {
    const { run, chosen } = this;
    run.take();
    this.title.textContent = String(this.model.get("title"));
    this.words.textContent = this.standing();
    put(this.words, { "data-state": run.head.state });
    this.sum();
    this.board.tell(chosen, this.unfolded);
    this.table.tell(chosen);
    this.panel.tell(chosen);
    put(this.parts, { "data-panel": !this.panel.element.hidden });
    this.ends();
    this.frame.alert(String(this.model.get("message")));
    this.announce();
    put(this.frame.root, { "data-state": run.head.state });
  }

  private standing(): string {
    const { words, updated } = this.run.head;
    const when = this.alone && this.run.going && updated ? `, as of ${new Date(updated).toLocaleString("en-GB")}` : "";
    return words + when;
  }

  private sum(): void {
    const { run, looks } = this;
    const all = run.stages.length;
    this.done.textContent = run.planned ? `${all} ${all === 1 ? "stage" : "stages"}` : `${run.finished} of ${all} stages`;
    this.elapsed.textContent = run.planned ? "" : clock(run.seconds);
    const order = Object.keys(looks).filter((state) => run.head.counts[state]);
    const said = (state: string) => (run.planned && state === "waiting" ? "would run" : run.planned && state === "kept" ? "would be kept" : state);
    this.counts.replaceChildren(...order.map((state) => html("span", {}, badge(looks, state), `${run.head.counts[state]} ${said(state)}`)));
    const share = all ? run.stages.reduce((sum, stage) => sum + run.share(stage), 0) / all : 0;
    put(this.bar, { "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(100 * share), "aria-valuetext": this.done.textContent });
    const parts = ["done", "kept", "left out", "running", "failed", "skipped", "stopped"].map((state) => {
      const size = state === "running" ? run.stages.reduce((sum, one) => sum + (one.state === state ? run.share(one) : 0), 0) : run.head.counts[state] ?? 0;
      return [state, size] as const;
    });
    if (this.bar.childElementCount === 0) this.bar.append(...parts.map(() => html("i")), html("s"));
    const used = parts.reduce((sum, [, size]) => sum + size, 0);
    parts.forEach(([state, size], i) => {
      const one = this.bar.children[i] as HTMLElement;
      paint(one, looks, state);
      one.style.flex = `${run.planned ? 0 : size} 1 0`;
      one.hidden = run.planned || size === 0;
    });
    (this.bar.lastElementChild as HTMLElement).style.flex = `${Math.max(0, all - (run.planned ? 0 : used))} 1 0`;
  }

  /** The foot: where the results are. */
  private ends(): void {
    const { folder, report } = this.run.head;
    const shown = JSON.stringify([folder, report]);
    if (shown === this.footed) return;
    this.footed = shown;
    this.foot.replaceChildren(...(report ? [fileLink(this.alone ? "report" : "Open the report", report, this.alone)] : []),
      ...(folder ? [html("span", {}, `folder: ${folder}`)] : []));
  }

  private call(): void {
    const calls = this.model.get("calls") as [string, string][];
    this.calls.hidden = !calls.length;
    this.calls.replaceChildren(...calls.map(([what, text]) => {
      const button = html("button", { type: "button", "aria-label": `Copy: ${what}` }, "copy");
      button.addEventListener("click", this.frame.guard(() => {
        copy(text).then(() => this.frame.say("copied"), (error) => this.frame.alert(`Not copied: ${error}`));
      }));
      return html("div", {}, html("span", {}, what), html("pre", { tabindex: "0", "aria-label": what }, text), button);
    }));
  }

  /** Reads out what somebody who cannot see it should hear: failures, and the end. */
  private announce(): void {
    const { run } = this;
    const failed = run.stages.filter((stage) => stage.state === "failed" && this.said.get(stage.name) !== "failed");
    const before = this.said.get("") ?? run.head.state;
    if (failed.length) this.frame.say(failed.slice(0, 3).map((stage) => run.sentence(stage)).join("; "));
    else if (before !== run.head.state) this.frame.say(`${this.title.textContent}: ${this.standing()}, ${this.done.textContent}`);
    this.said = new Map([...run.stages.map((stage) => [stage.name, stage.state] as const), ["", run.head.state]]);
  }
}

export default widget("wb-pipeline", css, (model, frame) => new Pipeline(model, frame).listen());
