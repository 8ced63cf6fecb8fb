// The flow of a gate: bands of what its options are worth over the epochs, small for all of them and large for one.

import { html, put, svg } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { type Acts, pointing } from "./curves";
import { inked } from "./ribbons";
import { type Gate, type Option, percent, type Records, short } from "./state";

const WIDE = 1000, HIGH = 100; // the drawing's own units: it is stretched to its place

export class Flow {
  readonly element: HTMLElement;
  private readonly picture = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  private readonly cursor = html("i", { class: "wb-cursor", hidden: true });
  private readonly stage = html("div", { class: "wb-stage-of" }, this.picture, this.cursor);
  private readonly now = html("span", { class: "wb-flow-now" });
  private readonly shares = html("div", { class: "wb-shares" });
  private last = 2;
  private shown = "";

  /** A large one says every option's number beside it. */
  constructor(
    frame: Frame, private readonly records: Records, private readonly number: number, private readonly steps: number, large: boolean,
    attributes: Record<string, string | number>, acts: Acts,
  ) {
    const head = html("div", { class: "wb-flow-head" }, html("span", { class: "wb-flow-name", title: this.gate.name }, this.gate.name), this.now);
    this.element = html("div", { class: large ? "wb-flow wb-large" : "wb-flow", ...attributes },
      ...(large ? [] : [head]), html("div", { class: "wb-flow-body" }, this.stage, ...(large ? [this.shares] : [])),
      ...(large ? [html("div", { class: "wb-ends", "aria-hidden": "true" })] : []));
    if (large) pointing(this.stage, frame, acts, () => [this.last, records.epochs]);
    else {
      const only = { point: acts.point, go: () => {} }; // a click enlarges it
      pointing(this.stage, frame, only, () => [this.last, records.epochs]);
    }
  }

  private get gate(): Gate { return this.records.gates[this.number] as Gate; }

  show(goal: number): void {
    const { records } = this;
    this.last = Math.max(2, goal, records.epochs);
    const shown = `${records.epochs} ${this.last}`;
    if (shown === this.shown) return;
    this.shown = shown;
    const rows: [x: number, worth: number[]][] = [];
    const stride = Math.max(1, Math.ceil(records.epochs / this.steps));
    for (let epoch = 0; epoch < records.epochs; epoch++) {
      if (epoch % stride && epoch !== records.epochs - 1) continue;
      const worth = records.worth(this.number, epoch);
      if (worth) rows.push([(WIDE * epoch) / (this.last - 1), worth]);
    }
    const first = rows[0];
    if (first && rows.length === 1) rows.push([first[0] + WIDE / (this.last - 1) / 3, first[1]]); // one epoch alone has a width, too
    const top = Math.max(1, ...rows.map(([, worth]) => worth.reduce((a, b) => a + b, 0)));
    this.picture.replaceChildren(...this.gate.options.map((option, k) => {
      const y = (worth: number[], upto: number) => (HIGH * (1 - worth.slice(0, upto).reduce((a, b) => a + b, 0) / top)).toFixed(2);
      const there = rows.map(([x, worth]) => `${x.toFixed(1)},${y(worth, k + 1)}`);
      const back = rows.map(([x, worth]) => `${x.toFixed(1)},${y(worth, k)}`).reverse();
      return svg("path", { class: "wb-area", d: there.length ? `M${[...there, ...back].join("L")}Z` : "", style: inked(option) });
    }));
    this.element.querySelector(".wb-ends")?.replaceChildren(html("span", {}, "1"), html("span", {}, "epoch"), html("span", {}, String(this.last)));
  }

  at(epoch: number, label = false): void {
    const { records, gate } = this;
    const worth = records.worth(this.number, epoch);
    this.cursor.hidden = !worth;
    this.cursor.style.left = `${((100 * epoch) / (this.last - 1)).toFixed(2)}%`;
    const largest = worth ? records.largest(worth) : -1;
    const option = gate.options[largest];
    this.now.replaceChildren(...(option && worth ? [swatch(option), html("span", {}, short(option[0])), html("b", {}, percent(worth[largest] as number))] : []));
    if (label) put(this.element, { "aria-label": `${gate.name}: ${records.words(this.number, epoch)}` });
    this.shares.replaceChildren(...gate.options.map((one, k) => html("div", { class: k === largest ? "wb-share-of wb-most" : "wb-share-of" },
      swatch(one), html("span", {}, one[0]), html("b", {}, worth ? percent(worth[k] as number) : "–"))).reverse());
  }
}

export function swatch(option: Option): HTMLElement {
  return html("i", { class: "wb-swatch-of", style: inked(option) });
}

/** The different lists of options with what their gates are called: nothing where all gates have one list. */
export function legendOf(gates: Gate[]): HTMLElement[] {
  const groups = new Map<string, { options: Option[]; names: string[] }>();
  for (const { name, options } of gates) {
    const key = JSON.stringify(options);
    const group = groups.get(key) ?? { options, names: [] };
    groups.set(key, group);
    group.names.push(name);
  }
  return [...groups.values()].map(({ options, names }) => {
    const ends = new Set(names.map((name) => name.slice(name.lastIndexOf(".") + 1)));
    const words = groups.size === 1 ? "" : names.length === 1 ? names[0] : ends.size === 1 ? [...ends][0] : `${names.length} gates`;
    return html("div", { class: "wb-legend-row" }, ...(words ? [html("span", { class: "wb-legend-name" }, words)] : []),
      ...options.map((option) => html("span", {}, swatch(option), option[0])));
  });
}
