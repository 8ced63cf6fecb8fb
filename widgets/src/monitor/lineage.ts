// Where a trial comes from: its ancestors as a chain of small cells, with what each step changed and what that brought.

import { item, listed, Panel, redrawn } from "../board/marks";
import { html } from "../shared/dom";
import type { Cells } from "./cells";
import { figure, type Question, type Row, STATE, type Trials } from "./trials";

const WIDE = 196; // pixels of a cell
const SHOWN = 40; // of a longer line, the youngest

export class Lineage {
  readonly panel: Panel;
  private readonly chain = html("div", { class: "wb-chain", role: "listbox", "aria-label": "Ancestors, the oldest first" });

  constructor(private readonly trials: Trials, private readonly cells: Cells, private readonly questions: Question[], open: (i: number) => void) {
    this.panel = new Panel("wb-lineage", "Where it comes from", this.chain);
    listed(this.chain, (name) => open(Number(name)));
  }

  /** Shows the line that ends at a row; returns the architectures in it that have no drawing yet. */
  draw(row: number): string[] {
    const { trials } = this;
    const line = trials.line(row);
    const last = trials.row(row);
    const shown = line.slice(-SHOWN);
    this.panel.element.hidden = last === undefined;
    if (!last) return [];
    this.panel.heading.textContent = `Where trial ${this.title(last)} comes from`;
    this.panel.note.textContent = line.length > 1
      ? `${line.length - 1} step${line.length > 2 ? "s" : ""}${line.length > SHOWN ? `, the last ${SHOWN - 1} shown` : ""}`
      : last[9] ? last[9] : last[8] === null ? "no parent is known: it was drawn at random, or its sampler does not say" : `trial ${last[8]}`;
    redrawn(this.chain, shown.map((i, k) => this.step(i, shown[k - 1], i === row)));
    this.chain.lastElementChild?.scrollIntoView({ block: "nearest", inline: "end" });
    return shown.map((i) => trials.row(i)?.[6] ?? "").filter((name) => name !== "" && !this.cells.has(name));
  }

  private title(row: Row): string { return this.trials.studies > 1 ? `${row[1]} of study ${row[0] + 1}` : String(row[1]); }

  private step(i: number, before: number | undefined, last: boolean): HTMLElement {
    const row = this.trials.row(i) as Row;
    const parent = before === undefined ? undefined : this.trials.row(before);
    const changes = parent ? changed(parent, row, this.questions) : [];
    const told = changes.map(({ name, words }) => `${name}: ${words}`);
    const value = row[3] === null ? STATE[row[2]] || "no value" : row[3].map(figure).join(", ");
    const gain = parent?.[3] && row[3] ? row[3][0] as number - (parent[3][0] as number) : null;
    const sign = this.trials.objectives[0]?.sign ?? 1;
    const said = `trial ${row[1]}, ${value}${told.length ? `: ${told.join(", ")}` : ""}`;
    const words = told.slice(0, 3).map((change) => html("span", {}, change));
    if (changes.length > 3) words.push(html("span", {}, `and ${changes.length - 3} more`));
    return html("div", { class: last ? "wb-step wb-chosen" : "wb-step", ...item(String(i), said, last, last) },
      html("div", { class: "wb-change" }, ...(parent ? [html("i", {}, row[9] || "from it"), ...words] : [html("i", {}, row[9] || "first")])),
      this.cells.show(row[6] ?? "no architecture", WIDE, undefined, new Set(changes.map((change) => change.name))),
      html("div", { class: "wb-result" }, html("span", {}, `#${row[1]}`), html("b", {}, value),
        ...(gain === null ? [] : [html("span", { class: sign * gain > 0 ? "wb-gain" : "wb-loss" }, `${gain > 0 ? "+" : gain < 0 ? "−" : "±"}${Number(Math.abs(gain).toPrecision(2))}`)])));
  }
}

/** The questions that two trials answer differently, and both answers in words. */
export function changed(a: Row, b: Row, questions: Question[]): { name: string; words: string }[] {
  return questions.flatMap(({ name, answers }, k) => {
    const [before, after] = [a[7]?.[k] ?? -1, b[7]?.[k] ?? -1];
    if (before === after || !a[7] || !b[7]) return [];
    const words = (at: number) => (at < 0 ? "–" : answers[at]?.[0] ?? "?");
    return [{ name, words: `${words(before)} → ${words(after)}` }];
  });
}
