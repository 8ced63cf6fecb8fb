// One architecture on a card: its drawing against the reference's, what changed in words, its numbers and how far off they are.

import { html, put } from "../shared/dom";
import type { Fact } from "../shared/facts";
import { drawing } from "./drawing";
import { type Card, type Comparison, type Difference, edits, type Figure, type Pair, type Row } from "./state";

const MOST_WORDS = 6;

/** What a card's buttons do; `shift` moves it among the others. */
export interface Deeds {
  open(name: string): void;
  refer(name: string): void;
  shift(name: string, by: -1 | 1): void;
  remove(name: string): void;
  hover(name: string): void;
}

/** How a card is shown: its place among the others, whether drawings and all rows are, and how large labels are. */
export interface Showing { first: boolean; last: boolean; drawn: boolean; every: boolean; size: number }

export function card(name: string, reference: string, state: Comparison, showing: Showing, deeds: Deeds): HTMLElement {
  const shown = state.cards[name] as Card;
  const pair = state.pairs[reference]?.[name];
  const words = pair ? edits(pair, state.cards[reference]?.title ?? "") : name === reference ? "reference" : "";
  const element = frame(name, shown.title, words, showing, deeds, name === reference);
  const figure = html("div", { class: "wb-figure" });
  const known = reference in state.layout_of;
  if (showing.drawn && !known) figure.append("waiting for Python …");
  if (showing.drawn && known) figure.append(picture(name, reference, state, showing.size, `${shown.title}, ${words}`));
  element.append(figure, changes(pair, showing.drawn), numbers(state.rows, shown.numbers, pair, showing.every), html("code", {}, name));
  return element;
}

/** The drawing alone: drawn anew when the card's width asks for other letters. */
export function picture(name: string, reference: string, state: Comparison, size: number, said: string): SVGSVGElement {
  const layout = state.layouts[state.layout_of[reference] ?? 0];
  const seats = layout?.seats[name];
  if (!layout || !seats) throw new Error(`there is no drawing of ${name}`);
  const drawn = drawing(layout, seats, name === reference ? undefined : layout.seats[reference], state.looks, size);
  put(drawn, { "aria-label": `Drawing of ${said}` });
  return drawn;
}

/** A card of which Python has not said anything yet. */
export function waiting(name: string, said: string, facts: Fact[], words: string[], showing: Showing, deeds: Deeds): HTMLElement {
  const element = frame(name, "…", "", showing, deeds, true);
  const rows = facts.map((fact) => html("tr", {}, html("th", { scope: "row" }, fact.label, note(fact.note)), html("td", {}, html("b", {}, fact.value), ` ${fact.spread}`)));
  element.append(html("div", { class: "wb-figure wb-quietly" }, said), list(words), html("table", {}, html("tbody", {}, ...rows)), html("code", {}, name));
  return element;
}

function frame(name: string, title: string, words: string, showing: Showing, deeds: Deeds, unreferable: boolean): HTMLElement {
  const tool = (key: string, label: string, hint: string, work: () => void, off = false) => {
    const button = html("button", { type: "button", title: hint, "aria-label": `${hint}: ${title}`, "data-key": `${key} ${name}`, disabled: off });
    button.append(label);
    button.addEventListener("click", work);
    return button;
  };
  const bar = html("div", { class: "wb-bar" },
    tool("back", "‹", "Move to the left", () => deeds.shift(name, -1), showing.first),
    tool("on", "›", "Move to the right", () => deeds.shift(name, 1), showing.last),
    ...(unreferable ? [] : [tool("refer", "compare with this", "Make this the reference", () => deeds.refer(name))]),
    tool("open", "open", "Open in the linked views", () => deeds.open(name)),
    tool("remove", "×", "Remove", () => deeds.remove(name)));
  const element = html("article", { class: "wb-card", "data-name": name, "aria-label": `${title}${words ? `, ${words}` : ""}` },
    html("header", {}, html("div", { class: "wb-titled" }, html("h4", {}, title), html("span", {}, words)), bar));
  for (const [event, pointed] of [["pointerenter", name], ["focusin", name], ["pointerleave", ""], ["focusout", ""]] as const) {
    element.addEventListener(event, () => deeds.hover(pointed));
  }
  return element;
}

function changes(pair: Pair | undefined, drawn: boolean): HTMLElement {
  return list(drawn ? pair?.words ?? [] : []);
}

function list(words: string[]): HTMLElement {
  const line = (word: string) => html("li", {}, word);
  const rest = words.slice(MOST_WORDS);
  const box = html("div", { class: "wb-changes" }, html("ul", {}, ...words.slice(0, MOST_WORDS).map(line)));
  if (words.length === 0) box.replaceChildren();
  if (rest.length) box.append(html("details", {}, html("summary", {}, `${rest.length} more`), html("ul", {}, ...rest.map(line))));
  return box;
}

function numbers(rows: Row[], figures: Figure[], pair: Pair | undefined, every: boolean): HTMLElement {
  const lines = rows.map((row, i) => ({ row, figure: figures[i] as Figure, gap: pair?.differences[i] }))
    .filter(({ row }) => every || !row.more)
    .map(({ row, figure, gap }) => html("tr", { "data-row": row.label },
      html("th", { scope: "row" }, row.label, note(figure.note)),
      html("td", {}, html("b", {}, figure.text), figure.spread ? html("small", {}, ` ${figure.spread}`) : ""),
      difference(gap)));
  return html("table", {}, html("tbody", {}, ...lines));
}

function difference(gap: Difference | undefined): HTMLElement {
  if (!gap?.text) return html("td", { class: "wb-gap" });
  return html("td", { class: "wb-gap", "data-tone": gap.tone }, html("b", {}, gap.text), note(gap.words));
}

function note(words: string): HTMLElement | string {
  return words ? html("span", {}, words) : "";
}
