// Loss, accuracy and expected cost over the epochs, with a cursor at the epoch that is shown.

import { tickLabels, ticks } from "../map/scale";
import { figure } from "../monitor/trials";
import { html, put, svg } from "../shared/dom";
import type { Frame } from "../shared/frame";

/** What a view of epochs tells: the epoch that is pointed at (-1 for none), and the one to go to; both from 0. */
export interface Acts { point(epoch: number): void; go(epoch: number): void }
export type Format = (value: number) => string;

const WIDE = 1000, HIGH = 100; // the drawing's own units: it is stretched to its place

export class Curve {
  readonly element: HTMLElement;
  private readonly now = html("b");
  private readonly rows = html("div", { class: "wb-rows", "aria-hidden": "true" });
  private readonly ends = html("div", { class: "wb-ends", "aria-hidden": "true" });
  private readonly picture = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img" });
  private readonly cursor = html("i", { class: "wb-cursor", hidden: true });
  private readonly dot = html("i", { class: "wb-at", hidden: true });
  private readonly stage = html("div", { class: "wb-stage-of" }, this.rows, this.picture, this.cursor, this.dot);
  private values: (number | null)[] = [];
  private last = 1;
  private range: [number, number] = [0, 1];

  constructor(frame: Frame, private readonly title: string, private readonly format: Format, acts: Acts, private readonly factor = 1) {
    this.element = html("figure", { class: "wb-curve-of" }, html("figcaption", {}, html("span", {}, title), this.now), this.stage, this.ends);
    pointing(this.stage, frame, acts, () => [this.last, this.values.length]);
  }

  show(values: (number | null)[], goal: number, limit: number | null): void {
    this.values = values;
    this.last = Math.max(2, goal, values.length);
    this.element.hidden = !values.some((value) => value !== null);
    const known = [...values, limit].filter((value) => value !== null);
    let [low, high] = [Math.min(...known), Math.max(...known)];
    if (!known.length) [low, high] = [0, 1];
    const pad = 0.06 * (high - low) || Math.abs(high) * 0.05 || 1;
    this.range = [low - pad, high + pad];
    const shown = [3, 6].map((about) => ticks(this.range[0] * this.factor, this.range[1] * this.factor, about));
    const round = shown.find((some) => some.length > 1) ?? []; // one alone does not say how exact it is
    const [places, names] = [round.map((place) => place / this.factor), tickLabels(round)];
    this.rows.replaceChildren(...places.map((place, k) => html("span", { style: `top:${this.y(place).toFixed(2)}%` }, compact(names[k] ?? "", place))));
    const lines = places.map((place) => svg("path", { class: "wb-grid", d: `M0,${this.y(place).toFixed(2)}H${WIDE}` }));
    const level = limit === null ? [] : [svg("path", { class: "wb-limit", d: `M0,${this.y(limit).toFixed(2)}H${WIDE}` })];
    const corners = values.flatMap((value, i) => (value === null ? [] : [`${(10 * this.x(i)).toFixed(1)},${this.y(value).toFixed(2)}`]));
    const line = svg("path", { class: "wb-curve", d: corners.length ? `M${corners.join("L")}` : "" });
    this.picture.replaceChildren(...lines, ...level, line);
    this.rows.append(...(limit === null ? [] : [html("em", { class: this.y(limit) > HIGH / 2 ? "wb-over" : "", style: `top:${this.y(limit).toFixed(2)}%` }, `limit ${this.format(limit)}`)]));
    const said = values.filter((value) => value !== null).at(-1);
    put(this.picture, { "aria-label": `${this.title} over ${values.length} epochs${said === undefined ? "" : `, at the end ${this.format(said)}`}` });
    this.ends.replaceChildren(html("span", {}, "1"), html("span", {}, "epoch"), html("span", {}, String(this.last)));
  }

  at(epoch: number): void {
    const value = this.values[epoch] ?? null;
    this.now.textContent = value === null ? "" : this.format(value);
    this.cursor.hidden = epoch < 0 || epoch >= this.values.length;
    this.cursor.style.left = `${this.x(epoch).toFixed(2)}%`;
    this.dot.hidden = value === null;
    if (value !== null) Object.assign(this.dot.style, { left: `${this.x(epoch).toFixed(2)}%`, top: `${this.y(value).toFixed(2)}%` });
  }

  private x(i: number): number { return (100 * i) / (this.last - 1); }
  private y(value: number): number { return (HIGH * (this.range[1] - value)) / (this.range[1] - this.range[0]); }
}

/** Tells `acts` the epoch under the pointer over an element whose width is that of `last` epochs, of which `known` are over. */
export function pointing(element: HTMLElement, frame: Frame, acts: Acts, epochs: () => [last: number, known: number]): void {
  const under = (event: MouseEvent) => {
    const box = element.getBoundingClientRect();
    const [last, known] = epochs();
    return Math.max(0, Math.min(known - 1, Math.round(((event.clientX - box.left) / Math.max(1, box.width)) * (last - 1))));
  };
  element.addEventListener("pointermove", frame.guard((event: PointerEvent) => acts.point(under(event))));
  element.addEventListener("pointerleave", frame.guard(() => acts.point(-1)));
  element.addEventListener("click", frame.guard((event: MouseEvent) => {
    if (epochs()[1] > 0) acts.go(under(event));
  }));
}

function compact(words: string, value: number): string {
  return words.length > 6 ? quantity(value) : words;
}

/** A large number in thousands or millions. */
export function quantity(value: number): string {
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    if (Math.abs(value) >= size) return `${Number((value / size).toPrecision(3))} ${unit}`;
  }
  return figure(value);
}
