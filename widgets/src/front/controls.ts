// Under the front: for each objective how much it weighs and how bad it may become at most.

import { html, put } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { asks, type Front, said } from "./state";

export class Controls {
  readonly element = html("div", { class: "wb-controls", role: "group", "aria-label": "Weights and limits" });
  private readonly weighing: HTMLInputElement[] = [];
  private readonly limiting: HTMLInputElement[] = [];
  private readonly weightWords: HTMLElement[] = [];
  private readonly limitWords: HTMLElement[] = [];
  private readonly steps: number[][];

  constructor(
    private readonly front: Front, private readonly frame: Frame,
    private readonly weigh: (weights: number[]) => void, private readonly limit: (limits: (number | null)[]) => void,
  ) {
    this.steps = front.objectives.map((_, i) => front.steps(i));
    this.element.append(html("span", {}, "objective"), html("span", {}, "weight"), html("span", {}, "limit"));
    front.objectives.forEach((objective, i) => {
      const top = (this.steps[i]?.length ?? 1) - 1;
      const weight = this.slider(`Weight of ${objective.label}`, 100, () => this.weigh(this.weighing.map((one) => Number(one.value) / 100)));
      const bound = this.slider(`Limit of ${objective.label}`, top, () => this.limit(this.limiting.map((one, at) => this.read(at, Number(one.value)))));
      this.weighing.push(weight);
      this.limiting.push(bound);
      this.weightWords.push(html("span", { class: "wb-value" }));
      this.limitWords.push(html("span", { class: "wb-value" }));
      this.element.append(html("b", {}, asks(objective)),
        html("label", {}, weight, this.weightWords[i] as HTMLElement), html("label", {}, bound, this.limitWords[i] as HTMLElement));
    });
  }

  show(weights: number[], limits: (number | null)[]): void {
    const most = Math.max(...weights, 1);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    this.front.objectives.forEach((objective, i) => {
      const [weight, limit] = [weights[i] ?? 0, limits[i] ?? null];
      const share = `${Math.round(total > 0 ? (100 * weight) / total : 100 / weights.length)} %`;
      this.put(this.weighing[i], this.weightWords[i], Math.round((100 * weight) / most), share);
      const words = limit === null ? "any" : `${objective.better === "higher" ? "≥" : "≤"} ${said(limit, objective)}`;
      this.put(this.limiting[i], this.limitWords[i], this.place(i, limit), words);
    });
  }

  private put(slider: HTMLInputElement | undefined, words: HTMLElement | undefined, value: number, text: string): void {
    if (!slider || !words) return;
    if (document.activeElement !== slider || Number(slider.value) !== value) slider.value = String(value);
    put(slider, { "aria-valuetext": text });
    words.textContent = text;
  }

  private slider(label: string, max: number, work: () => void): HTMLInputElement {
    const slider = html("input", { type: "range", min: 0, max, step: 1, "aria-label": label, disabled: max < 1 });
    slider.addEventListener("input", () => this.frame.guard(work)());
    return slider;
  }

  /** The worst value of all is no limit. */
  private read(objective: number, step: number): number | null {
    return step === 0 ? null : this.steps[objective]?.[step] ?? null;
  }

  private place(objective: number, limit: number | null): number {
    if (limit === null) return 0;
    const sign = this.front.sign(objective);
    const steps = this.steps[objective] ?? [];
    const first = steps.findIndex((value) => sign * value >= sign * limit);
    return first < 0 ? steps.length - 1 : first;
  }
}
