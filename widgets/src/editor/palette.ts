// The operations as chips: a click gives one to what is chosen, a drag to the edge or node it is dropped on.

import { html, put } from "../shared/dom";
import type { Answer } from "../shared/model";
import { swatch } from "./menu";
import type { Picture } from "./picture";
import { besides, type Drawing, marksOf, type Option, type Palette, questionsOf } from "./state";
import { follow, Tip } from "./tip";

/** An answer to a question. */
export interface Choice { question: string; answer: Answer }

/**
 * The question of another mark that takes the same answer: the one at the same place among the mark's questions where
 * both offer the same answers; undefined where no question there knows the answer.
 */
export function fitting(choice: Choice, mark: string, drawing: Drawing, palette: Palette): string | undefined {
  const place = besides(drawing, choice.question).indexOf(choice.question);
  const able = besides(drawing, mark).filter((question) => (palette[question] ?? []).some(({ answer }) => answer === choice.answer));
  const offer = (question: string) => JSON.stringify((palette[question] ?? []).map(({ answer }) => answer));
  const alike = able.filter((question) => offer(question) === offer(choice.question));
  return alike.find((question) => besides(drawing, mark).indexOf(question) === place) ?? alike[0] ?? able[0];
}

export interface Desk {
  drawing(): Drawing;
  palette(): Palette;
  /** The first question of the mark that was chosen last; "" for none. */
  chosen(): string;
  current(question: string): Answer | undefined;
  choose(choice: Choice): void;
  drop(choice: Choice, mark: string): void;
}

export class Chips {
  readonly element = html("div", { class: "wb-bar", role: "toolbar", "aria-label": "Operations" });
  readonly tip = new Tip();
  private chips: { chip: HTMLButtonElement; choice: Choice; option: Option }[] = [];
  private shown = "";
  private stopped = () => {};

  constructor(private readonly desk: Desk, private readonly picture: Picture, private readonly guard: <A extends unknown[]>(work: (...args: A) => void) => (...args: A) => void) {}

  stop(): void { this.stopped(); }

  show(): void {
    const { desk } = this;
    const marks = marksOf(desk.drawing());
    const first = marks.find((mark) => mark.op !== "") ?? marks[0]; // one whose answer is an operation, if there is any
    const mark = desk.chosen() || (first && questionsOf(first)[0]);
    const questions = mark === undefined ? [] : besides(desk.drawing(), mark);
    const offered = questions.map((question) => [question, desk.palette()[question] ?? []] as const);
    const shown = JSON.stringify(offered);
    if (shown !== this.shown) this.rebuild(offered);
    this.shown = shown;
    const chosen = desk.chosen() !== "";
    for (const { chip, choice, option } of this.chips) {
      put(chip, {
        "aria-pressed": chosen && desk.current(choice.question) === choice.answer, "aria-disabled": chosen ? undefined : "true",
        title: chosen ? `Set ${choice.question} to ${option.label}` : "Drag onto the drawing, or choose an edge or node first",
      });
    }
  }

  private rebuild(offered: (readonly [string, Option[]])[]): void {
    const focused = [...this.element.children].indexOf(document.activeElement as Element);
    this.chips = offered.flatMap(([question, options], which) => options.map((option, i) => {
      const choice = { question, answer: option.answer };
      const number = which === 0 && i < 9 ? String(i + 1) : "";
      const chip = html("button", { class: "wb-chip", type: "button" }, swatch(option), html("kbd", {}, number), option.label);
      chip.addEventListener("click", this.guard(() => { if (this.desk.chosen() !== "") this.desk.choose(choice); }));
      chip.addEventListener("pointerdown", this.guard((event) => this.drag(event, choice, option)));
      return { chip, choice, option };
    }));
    this.element.replaceChildren(...this.chips.map(({ chip }) => chip));
    this.chips[focused]?.chip.focus();
  }

  private drag(press: PointerEvent, choice: Choice, option: Option): void {
    if (press.button !== 0) return;
    const places = new Map<Element, string | undefined>();
    const clear = () => {
      for (const group of places.keys()) group.classList.remove("wb-can", "wb-cannot", "wb-aim");
      this.tip.hide();
    };
    const under = (event: PointerEvent) => document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-question]");
    this.stopped = follow(press, this.guard((event) => {
      if (places.size === 0) this.mark(places, choice);
      const group = under(event);
      for (const one of places.keys()) one.classList.toggle("wb-aim", one === group);
      const there = group && places.has(group);
      const question = there ? places.get(group) : undefined;
      const words = !there ? option.label : question === undefined ? `${named(group)} does not take ${option.label}` : `${named(group)} becomes ${option.label}`;
      this.tip.show(words, event.clientX, event.clientY, question !== undefined);
    }), this.guard((event) => {
      const question = event ? places.get(under(event) as Element) : undefined;
      clear();
      if (question !== undefined) this.desk.drop(choice, question);
    }));
  }

  /** Shows on every mark whether it takes the answer. */
  private mark(places: Map<Element, string | undefined>, choice: Choice): void {
    for (const mark of marksOf(this.desk.drawing())) {
      const first = questionsOf(mark)[0] as string;
      const group = this.picture.of(first);
      const question = fitting(choice, first, this.desk.drawing(), this.desk.palette());
      if (!group) continue;
      places.set(group, question);
      group.classList.add(question === undefined ? "wb-cannot" : "wb-can");
    }
  }
}

/** A mark as it is called to those who do not see it, without what its keys do. */
function named(group: Element): string {
  return group.getAttribute("aria-label")?.split(",")[0] ?? "this";
}
