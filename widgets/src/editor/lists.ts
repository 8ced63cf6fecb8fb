// A list for every question that the drawing does not show; those about edges are folded away, as a hand draws edges.

import { html } from "../shared/dom";
import { type Decisions, type Drawing, type Palette, questionsOf } from "./state";

export class Lists {
  readonly element = html("div", { class: "wb-more" });
  private readonly open = html("div", { class: "wb-lists" });
  private readonly inside = html("div", { class: "wb-lists" });
  private readonly folded = html("details", { class: "wb-folded" }, html("summary", {}, "edges as lists"), this.inside);
  private lists = new Map<string, HTMLSelectElement>();
  private shown = "";

  constructor(private readonly choose: (question: string, place: number) => void) {
    this.element.append(this.open, this.folded);
  }

  show(drawing: Drawing, palette: Palette, decisions: Decisions, wiring: readonly string[]): void {
    const drawn = new Set([...drawing.edges, ...drawing.nodes].flatMap(questionsOf)) // in folded blocks too;
    const rest = Object.keys(palette).filter((question) => !drawn.has(question) && question in decisions);
    const shown = JSON.stringify([rest.map((question) => [question, palette[question]]), wiring]);
    if (shown !== this.shown) this.rebuild(rest, palette, new Set(wiring));
    this.shown = shown;
    for (const [question, list] of this.lists) {
      list.selectedIndex = (palette[question] ?? []).findIndex((option) => option.answer === decisions[question]);
    }
  }

  private rebuild(rest: string[], palette: Palette, wiring: Set<string>): void {
    const focused = [...this.lists].find(([, list]) => list === document.activeElement)?.[0];
    this.lists = new Map(rest.map((question) => {
      const list = html("select", { "data-choice": question }, ...(palette[question] ?? []).map((option) => html("option", {}, option.label)));
      list.addEventListener("change", () => this.choose(question, list.selectedIndex));
      return [question, list];
    }));
    const labelled = (about: boolean) => [...this.lists].filter(([question]) => wiring.has(question) === about)
      .map(([question, list]) => html("label", {}, `${question} `, list));
    this.open.replaceChildren(...labelled(false));
    this.inside.replaceChildren(...labelled(true));
    this.open.hidden = this.open.childElementCount === 0;
    this.folded.hidden = this.inside.childElementCount === 0;
    this.element.hidden = rest.length === 0;
    if (focused !== undefined) this.lists.get(focused)?.focus();
  }
}
