// The facts below the drawing, changed in place: after an edit only the texts that differ are written.

import { html } from "../shared/dom";
import type { Fact } from "./state";

export class Numbers {
  readonly element = html("div", { class: "wb-facts" });
  private cells: { value: Text; spread: HTMLElement; label: HTMLElement; note: HTMLElement; cell: HTMLElement }[] = [];

  show(facts: readonly Fact[]): void {
    this.element.hidden = facts.length === 0;
    while (this.cells.length < facts.length) this.add();
    this.cells.splice(facts.length).forEach(({ cell }) => cell.remove());
    facts.forEach((fact, i) => {
      const { value, spread, label, note } = this.cells[i]!;
      write(value, fact.value);
      write(spread, fact.spread ? ` ${fact.spread}` : "");
      write(label, fact.label);
      write(note, fact.note);
      note.hidden = fact.note === "";
    });
  }

  private add(): void {
    const [value, spread, label, note] = [document.createTextNode(""), html("small"), html("span"), html("span")];
    const cell = html("div", {}, html("b", {}, value, spread), label, note);
    this.cells.push({ value, spread, label, note, cell });
    this.element.append(cell);
  }
}

function write(place: Node, words: string): void {
  if (place.textContent !== words) place.textContent = words;
}

/** The facts as a sentence for those who do not see them. */
export function spoken(facts: readonly Fact[]): string {
  return facts.map((fact) => [fact.label, fact.value, fact.note].filter(Boolean).join(" ")).join("; ");
}
