// Whether a kernel answers this view, and what a control says that needs one and has none.

import type { Frame } from "../shared/frame";
import { listen, type Model } from "../shared/model";
import type { Decisions } from "./state";

const SILENT = 5000; // ms without an answer until the kernel is taken to be busy or gone

/** What a view shows: the present answers, and the architecture's string where it is known. */
export interface Shown { decisions(): Decisions; text(): string }

/** What the kernel last said, for a view that knows nothing newer. */
export function shownBy(model: Model): Shown {
  return { decisions: () => model.get("decisions") as Decisions, text: () => String(model.get("text")) };
}

/** Answers by question, in one order whatever the order they came in: equal for equal architectures. */
export function keyOf(decisions: Decisions): string {
  return JSON.stringify(Object.entries(decisions).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

const known = new WeakMap<Model, Kernel>();

/** The kernel of a view; every part that took it gives it back by `stop`. */
export function kernelOf(model: Model, frame: Frame): Kernel {
  const kernel = known.get(model) ?? new Kernel(model, frame);
  known.set(model, kernel);
  kernel.users++;
  return kernel;
}

/** Greets once for all parts of a view: the kernel begins to compute when it knows that somebody looks. */
export class Kernel {
  users = 0;
  private answered = false;
  private waited = false;
  private timer = 0;
  private readonly works: (() => void)[] = [];
  private readonly stops: (() => void)[];

  constructor(private readonly model: Model, private readonly frame: Frame) {
    this.stops = [
      listen(model, "msg:custom", frame.guard((message: { kind?: string }) => {
        if (message?.kind === "asked" || message?.kind === "file") this.found(true);
      })),
      listen(model, "comm_live_update", frame.guard(() => this.works.forEach((work) => work()))),
    ];
    if (!model.alone) this.ask({ kind: "ask", do: "hello" });
  }

  get alive(): boolean { return this.answered && !this.gone; }

  /** Why a control cannot be used now; "" where it can. */
  get reason(): string {
    if (this.alive) return "";
    if (this.model.alone) return "This page has no kernel to compute it.";
    if (this.gone) return "The kernel is gone: run the notebook's cell again.";
    return this.waited ? "The kernel does not answer: it is busy or gone." : "Waiting for the kernel.";
  }

  private get gone(): boolean {
    return this.model.alone === true || this.frame.gone();
  }

  onChange(work: () => void): void { this.works.push(work); }

  ask(content: object): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.found(false), SILENT);
    this.model.send(content);
  }

  stop(): void {
    if (--this.users > 0) return;
    known.delete(this.model);
    clearTimeout(this.timer);
    this.stops.forEach((stop) => stop());
  }

  private found(answered: boolean): void {
    clearTimeout(this.timer);
    const news = answered !== this.answered || !this.waited;
    this.answered = answered;
    this.waited = true;
    if (news) this.works.forEach((work) => work());
  }
}
