// The last trials as a table, the newest first; a row opens its architecture.

import { Panel } from "../board/marks";
import { html } from "../shared/dom";
import { duration, figure, type Row, STATE, type Trials } from "./trials";

const LAST = 8;

export class Last {
  readonly panel: Panel;
  private readonly body = html("tbody");
  private shown = "";

  constructor(private readonly trials: Trials, private readonly open: (i: number) => void) {
    const several = trials.studies > 1 ? ["study"] : [];
    const heads = ["trial", ...several, ...trials.objectives.map((objective) => objective.name.replaceAll("_", " ")), "time", "from", ""];
    this.panel = new Panel("wb-last", "Last trials", html("div", { class: "wb-scroll" }, html("table", {},
      html("thead", {}, html("tr", {}, ...heads.map((head) => html(head ? "th" : "td", head ? { scope: "col" } : {}, head)))), this.body)));
    this.body.addEventListener("click", (event) => {
      const row = (event.target as Element).closest<HTMLElement>("[data-row]");
      if (row) this.open(Number(row.dataset["row"]));
    });
  }

  draw(marked: number): void {
    const { trials } = this;
    const shown = `${trials.size} ${marked}`;
    if (shown === this.shown) return;
    this.shown = shown;
    const numbers = Array.from({ length: Math.min(LAST, trials.size) }, (_, k) => trials.size - 1 - k);
    const focused = this.body.contains(document.activeElement) ? (document.activeElement as HTMLElement).closest<HTMLElement>("[data-row]")?.dataset["row"] : undefined;
    this.body.replaceChildren(...numbers.map((i) => this.row(trials.row(i) as Row, i, i === marked)));
    if (focused !== undefined) this.body.querySelector<HTMLElement>(`[data-row="${focused}"] button`)?.focus({ preventScroll: true });
  }

  private row(row: Row, i: number, marked: boolean): HTMLElement {
    const [study, number, state, values, , seconds, name, , parent, operator, repeats, reason] = row;
    const from = operator ? `${operator}${parent === null ? "" : ` of ${parent}`}` : parent === null ? "–" : `of ${parent}`;
    const notes = [STATE[state], repeats ? "seen before" : "", reason].filter(Boolean).join(": ");
    const link = html("button", { type: "button", class: "wb-link", "aria-label": `Open trial ${number}`, title: name ?? "" }, String(number));
    return html("tr", { "data-row": i, class: marked ? "wb-chosen" : "" }, html("td", {}, link),
      ...(this.trials.studies > 1 ? [html("td", {}, String(study + 1))] : []),
      ...this.trials.objectives.map((_, k) => html("td", { class: "wb-figure" }, figure(values?.[k]))),
      html("td", { class: "wb-figure" }, duration(seconds)), html("td", {}, from), html("td", { class: "wb-quiet wb-note", title: reason }, notes));
  }
}
