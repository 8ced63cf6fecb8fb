// Weights: for each objective of a weighed search a slider and a number, which steer it when they are let go.

import { Panel } from "../board/marks";
import { html, put } from "../shared/dom";
import type { Frame } from "../shared/frame";
import type { Objective, Status } from "./trials";

const PATIENCE = 150; // milliseconds after the last change: a key that is held down changes very often
const HINT = "What is asked for next is judged by these weights; only their ratio counts.";
const LEFT = "As they were when this page was written.";
const UNSTEERED = "There is no search to steer.";
const NO_NUMBER = "A weight is a number of 0 or more.";

/** A weight that was set here and is not confirmed yet; `asked` names the question to the kernel, "" before it. */
interface Held { weight: number; asked: string }

export class Weights {
  readonly panel: Panel;
  private readonly sliders: HTMLInputElement[];
  private readonly numbers: HTMLInputElement[];
  private readonly shares: HTMLElement[];
  private readonly words = html("p", { class: "wb-words", role: "status" }, HINT);
  private readonly held = new Map<number, Held>();
  private readonly due = new Map<number, number>();
  private readonly view = Math.random().toString(36).slice(2); // of several views, each knows its own questions
  private questions = 0;
  private weights: number[] = [];
  private top = 0;
  private complaint = "";
  private open = false;
  private silent = false;

  constructor(
    private readonly frame: Frame, objectives: Objective[], private readonly alone: boolean,
    private readonly weigh: (objective: number, weight: number, asked: string) => void,
  ) {
    this.sliders = objectives.map((objective, k) => this.input(k, { type: "range", "aria-label": `Weight of ${objective.label}` }));
    this.numbers = objectives.map((objective, k) => this.input(k, { type: "number", "aria-label": `Weight of ${objective.label}, as a number` }));
    this.shares = objectives.map(() => html("span", { class: "wb-share" }));
    this.panel = new Panel("wb-weights", "Weights", html("div", { class: "wb-weight-rows" }, ...objectives.map((objective, k) =>
      html("div", { class: "wb-weight" }, html("span", {}, objective.label),
        this.sliders[k] as Node, this.numbers[k] as Node, this.shares[k] as Node))), this.words);
    this.panel.element.hidden = true;
  }

  /** Shows what the study says, except where a weight is being set here. */
  draw(status: Status, enabled: boolean): void {
    this.weights = status.weights ?? [];
    this.open = enabled;
    for (const [k, { asked }] of this.held) {
      if (asked === "" || asked !== status.weighed.asked) continue;
      this.held.delete(k);
      this.complaint = status.weighed.refused;
    }
    this.show();
  }

  /** A kernel that says nothing takes no weights: what is shown is what it said last. */
  silence(silent: boolean): void {
    this.silent = silent;
    if (silent) this.forget();
    this.show();
  }

  stop(): void {
    for (const k of [...this.due.keys()]) this.send(k);
  }

  private input(k: number, attributes: Record<string, string>): HTMLInputElement {
    const { guard } = this.frame;
    const input = html("input", { min: 0, ...attributes });
    input.addEventListener("input", guard(() => this.set(k, input)));
    const finish = guard(() => {
      this.set(k, input);
      this.letGo(k);
    });
    input.addEventListener("change", finish);
    // A drag back to where it began, or a number that is left as it was, is no change: then the study counts again.
    for (const end of ["blur", "pointerup"]) input.addEventListener(end, () => setTimeout(guard(() => this.settle(k))));
    input.addEventListener("keydown", guard(({ key }: KeyboardEvent) => {
      if (key === "Enter" && this.held.get(k)?.asked === "") finish(); // in a notebook, Enter is no change by itself
      if (key !== "Escape") return;
      this.forget(k);
      this.show();
    }));
    return input;
  }

  private set(k: number, input: HTMLInputElement): void {
    clearTimeout(this.due.get(k));
    this.due.delete(k);
    this.held.set(k, { weight: input.value === "" ? NaN : Number(input.value), asked: "" });
    this.complaint = "";
    this.show(input);
  }

  private letGo(k: number): void {
    if (Number.isNaN(this.held.get(k)?.weight)) {
      this.forget(k);
      this.complaint = NO_NUMBER;
      this.show();
    } else this.due.set(k, window.setTimeout(this.frame.guard(() => this.send(k)), PATIENCE));
  }

  private send(k: number): void {
    clearTimeout(this.due.get(k));
    this.due.delete(k);
    const held = this.held.get(k);
    if (!held) return;
    if (held.weight === this.weights[k]) {
      this.forget(k);
      return this.show();
    }
    held.asked = `${this.view}:${++this.questions}`;
    this.weigh(k, held.weight, held.asked);
  }

  private settle(k: number): void {
    if (this.held.get(k)?.asked !== "" || this.due.has(k)) return;
    this.forget(k);
    this.show();
  }

  /** Drops what was set here and not asked for yet; without a number, all that was set. */
  private forget(k?: number): void {
    for (const at of k === undefined ? [...this.held.keys()] : [k]) {
      clearTimeout(this.due.get(at));
      this.due.delete(at);
      this.held.delete(at);
    }
  }

  /** `working` is the element that a hand is at: what it holds is not written over. */
  private show(working?: HTMLInputElement): void {
    const { weights } = this;
    this.panel.element.hidden = weights.length === 0;
    if (!weights.length) return this.forget();
    const now = weights.map((weight, k) => {
      const held = this.held.get(k)?.weight;
      return held === undefined || Number.isNaN(held) ? weight : held;
    });
    const total = now.reduce((sum, weight) => sum + weight, 0);
    this.stretch(Math.max(...weights));
    const locked = this.alone || this.silent || !this.open;
    now.forEach((weight, k) => {
      const [slider, number] = [this.sliders[k] as HTMLInputElement, this.numbers[k] as HTMLInputElement];
      const share = total > 0 ? `${Math.round((100 * Math.max(0, weight)) / total)} %` : "0 %";
      const words = String(Number(weight.toPrecision(4)));
      slider.disabled = number.disabled = locked;
      if (slider !== working) slider.value = String(weight);
      if (number !== working && !(this.held.has(k) && number === document.activeElement && slider !== working)) number.value = words;
      put(slider, { "aria-valuetext": `${words}, ${share} of all` });
      (this.shares[k] as HTMLElement).textContent = share;
    });
    const words = this.complaint || (this.alone ? LEFT : this.open ? HINT : UNSTEERED);
    if (this.words.textContent !== words) this.words.textContent = words;
    this.words.classList.toggle("wb-refused", this.complaint !== "");
  }

  /** One scale for all sliders, up to about twice the largest weight; it stays while the weights fit on it. */
  private stretch(largest: number): void {
    if (largest <= this.top && (largest > this.top / 50 || this.held.size > 0)) return;
    const wanted = 2 * largest || 2;
    const unit = 10 ** Math.floor(Math.log10(wanted));
    this.top = Number(((([1, 2, 5].find((times) => times * unit >= wanted * 0.999) ?? 10)) * unit).toPrecision(1));
    const step = Number((unit / 100).toPrecision(1));
    for (const input of this.sliders) put(input, { max: this.top, step });
    for (const input of this.numbers) put(input, { step });
  }
}
