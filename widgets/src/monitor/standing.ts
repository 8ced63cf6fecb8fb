// How the search stands: what it does, how far it is and what it costs, the buttons that steer it, and whether the kernel is there.

import { html, put } from "../shared/dom";
import type { Frame } from "../shared/frame";
import type { Model } from "../shared/model";
import { duration, type Status, type Trials } from "./trials";

const ORDERS = [["pause", "Pause"], ["resume", "Resume"], ["stop", "Stop"]] as const;
const ACTIVE = new Set(["running", "paused", "stopping", "watched"]);
const SILENCE = 7000, PATIENCE = 4000; // milliseconds without a word: while the search runs; after a question
const RECENT = 30; // trials that the time per trial is taken from

/** Without a `run` there are no buttons: such a view only looks on. */
export class Standing {
  readonly buttons = html("div", { class: "wb-bar", role: "group", "aria-label": "Search" });
  readonly element: HTMLElement;
  /** Is told when the kernel falls silent, and when it is heard again. */
  onSilence: (silent: boolean) => void = () => {};
  private readonly heading: HTMLElement;
  private readonly words = html("span", { class: "wb-phase" });
  private readonly bar = html("div", { class: "wb-done", role: "progressbar", "aria-label": "Trials done" }, html("i"));
  private readonly counts = html("div", { class: "wb-counts" });
  private readonly notice = html("p", { class: "wb-notice", role: "status", hidden: true });
  private readonly orders = new Map<string, HTMLButtonElement>();
  private word = Date.now();
  private asked = 0;
  private any = false;
  private silent = false;

  constructor(private readonly frame: Frame, private readonly model: Model, private readonly trials: Trials, run?: (order: string) => void) {
    this.heading = html("h3", {}, String(model.get("title")));
    for (const [order, words] of run ? ORDERS : []) {
      const button = html("button", { type: "button", "data-order": order }, words);
      button.addEventListener("click", frame.guard(() => {
        run?.(order);
        this.waitFor();
      }));
      this.orders.set(order, button);
    }
    this.buttons.append(...this.orders.values());
    this.element = html("div", { class: "wb-standing" }, html("div", { class: "wb-head" }, this.heading, this.words),
      html("div", { class: "wb-line-of" }, ...(run ? [this.buttons] : []), this.counts), this.bar, this.notice);
  }

  /** Watches over the kernel's silence; `hello` asks it for a word. */
  listen(hello: () => void): () => void {
    this.asked = Date.now();
    const timer = setInterval(this.frame.guard(() => {
      const since = Date.now() - this.word;
      if (this.active && since > SILENCE && Date.now() - this.asked > SILENCE) {
        this.asked = Date.now();
        hello();
      }
      this.listenOut();
    }), 1000);
    return () => clearInterval(timer);
  }

  /** The kernel has said something. */
  heard(): void {
    this.word = Date.now();
    this.any = true;
    this.asked = 0;
    if (this.silent) this.draw(this.model.get("status") as Status);
  }

  /** The kernel cannot be reached. */
  lost(): void {
    this.any = true;
    this.asked = 1;
    this.listenOut();
  }

  /** Something was asked for: an answer is due. */
  waitFor(): void { this.asked ||= Date.now(); }

  draw(status: Status): void {
    const { counts } = this.trials;
    const names = [...new Set(status.studies.map((study) => study.name))];
    const words = [...new Set(status.studies.map((study) => study.words))];
    this.words.textContent = words.length === 1 ? words[0] as string : status.studies.map((study, k) => `${k + 1}: ${study.words}`).join("; ");
    put(this.element, { "data-phase": names.join(" ") });
    for (const [order, button] of this.orders) {
      const possible = status.studies.some((study) => study.orders.includes(order));
      button.disabled = !possible;
      button.hidden = order === "resume" ? !possible : order === "pause" && status.studies.some((study) => study.orders.includes("resume")) && !possible;
    }
    const goals = status.studies.map((study) => study.goal);
    const goal = goals.every((one) => one !== null) ? (goals as number[]).reduce((a, b) => a + b, 0) : 0;
    const pace = this.pace();
    const left = Math.max(0, goal - counts.measured);
    const going = names.includes("running");
    this.counts.replaceChildren(...[
      goal ? `${counts.measured.toLocaleString("en-US")} of ${goal.toLocaleString("en-US")} trials` : `${counts.measured.toLocaleString("en-US")} trials`,
      counts.known ? `${Number((100 * counts.fresh / counts.known).toFixed(1))} % unique` : "",
      counts.failed ? `${counts.failed} failed` : "no failures",
      counts.over ? `${counts.over} over a bound` : "",
      counts.unmeasured ? `${counts.unmeasured} not measured` : "",
      pace ? `${duration(pace)} a trial` : "",
      going && goal && pace && left ? `about ${duration(left * pace)} left` : "",
    ].filter(Boolean).map((words) => html("span", {}, words)));
    const share = goal ? Math.min(1, counts.measured / goal) : 0;
    this.bar.hidden = !goal;
    put(this.bar, { "aria-valuemin": 0, "aria-valuemax": goal, "aria-valuenow": Math.min(goal, counts.measured) });
    (this.bar.firstElementChild as HTMLElement).style.width = `${(100 * share).toFixed(1)}%`;
    this.listenOut(true);
  }

  private get active(): boolean {
    return (this.model.get("status") as Status).studies.some((study) => ACTIVE.has(study.name));
  }

  /** Seconds from one finished trial to the next, the median of the last ones, over all studies together. */
  private pace(): number {
    const ends = this.trials.rows.slice(-RECENT).map((row) => row[4] + row[5]).sort((a, b) => a - b);
    const gaps = ends.slice(1).map((end, k) => end - (ends[k] as number)).sort((a, b) => a - b);
    if (!gaps.length) return 0;
    const mean = ((ends.at(-1) as number) - (ends[0] as number)) / gaps.length;
    const median = gaps[Math.floor(gaps.length / 2)] as number;
    return median > 0.02 ? median : mean; // ends are known to the millisecond
  }

  private listenOut(always = false): void {
    const now = Date.now();
    const quiet = (this.asked > 0 && now - this.asked > PATIENCE) || (this.any && this.active && now - this.word > 2 * SILENCE);
    if (quiet === this.silent && !always) return;
    if (quiet !== this.silent) this.onSilence(quiet);
    this.silent = quiet;
    const status = this.model.get("status") as Status;
    const when = new Date(status.stamp).toLocaleTimeString("en-US", { hour12: false });
    const gone = this.any ? "The kernel does not answer: it is busy, or gone." : "There is no kernel behind this page.";
    this.notice.textContent = quiet ? `${gone} What is shown is the state of ${when}.` : status.message;
    this.notice.hidden = this.notice.textContent === "";
    put(this.element, { "data-kernel": quiet ? "silent" : "there" });
    if (quiet) for (const button of this.orders.values()) button.disabled = true;
  }
}
