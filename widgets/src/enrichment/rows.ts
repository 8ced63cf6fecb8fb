// One thing that the selection has more or less often: its words, a bar as long as that is often, and its p-value.

import { html } from "../shared/dom";
import { rowsIn } from "../shared/link";
import type { Model } from "../shared/model";
import { copied } from "../shared/names";

export interface Row {
  kind: string; words: string; feature: string; lift: number; times: string; chance: string;
  selected: string; everywhere: string; colour: string; dark: string;
}

export interface Found {
  state: string; words: string; rows: Row[]; against: string; share: number; selected?: number; counted?: number;
}

const STRONGEST = 6; // doublings beyond which bars grow no more

const doublings = (lift: number) => Math.max(-STRONGEST, Math.min(STRONGEST, Math.log2(lift)));

/** Bars on a logarithmic scale: doublings to either side of "as often", which is at share `one` of the width. */
export class Scale {
  private readonly left: number;
  private readonly right: number;

  constructor(rows: Row[]) {
    const steps = rows.map((row) => doublings(row.lift));
    this.left = -Math.min(0, ...steps);
    this.right = Math.max(1, ...steps);
  }

  get one(): number { return this.left / (this.left + this.right); }

  bar(lift: number): [number, number] {
    const end = (this.left + doublings(lift)) / (this.left + this.right);
    return [Math.min(this.one, end), Math.max(this.one, end)];
  }
}

export function rowButton(row: Row, scale: Scale): HTMLButtonElement {
  const bar = html("i", { class: "wb-bar-of" });
  const [start, end] = scale.bar(row.lift);
  bar.style.left = `${100 * start}%`;
  bar.style.width = `${100 * (end - start)}%`;
  if (row.colour) bar.style.background = `light-dark(${row.colour}, ${row.dark})`;
  const title = `${row.feature}: ${row.selected} of the selected have it, ${row.everywhere} of all. Click to select those.`;
  return html("button", { type: "button", class: "wb-line", title },
    html("span", { class: "wb-words" }, row.words),
    html("span", { class: "wb-track", "aria-hidden": "true" }, bar),
    html("span", { class: "wb-times" }, html("b", {}, row.times), ` ${row.chance}`));
}

/** The selected rows that have what the row at this place says. */
export function holdersOf(model: Model, place: number): Uint32Array {
  const counted = rowsIn(model.get("counted"));
  const bits = new Uint8Array(copied(model.get("holders")));
  const start = place * Math.ceil(counted.length / 8);
  return counted.filter((_, i) => ((bits[start + (i >> 3)] as number) >> (i & 7)) & 1);
}
