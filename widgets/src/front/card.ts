// What is picked: its drawing, its numbers, and how far each is from the best of the front.

import { drawing } from "../diff/drawing";
import type { Layout, Look, Seats } from "../diff/state";
import { html, put } from "../shared/dom";
import { type Choice, type Front, said } from "./state";

/** The drawings of the front: layouts that several share, and who sits where. */
export interface Drawings { looks: Look[]; layouts: Layout[]; of: Record<string, [number, Seats]> }

const LEGIBLE = 10.5; // px that labels should have
const HOW = { weights: "picked by the weights", knee: "the knee", hand: "picked by hand" };

export function card(choice: Choice, name: string, front: Front, drawings: Drawings, buttons: HTMLElement[], room: number): Node[] {
  const member = front.place.get(choice.row);
  if (member === undefined) return [html("p", { class: "wb-nothing" }, "Nothing on the front meets the limits: loosen one.")];
  const lines = front.objectives.map((objective, i) => {
    const lost = front.lost(member, i);
    const bar = html("i", { class: "wb-lost" });
    bar.style.setProperty("--lost", String(lost));
    return html("tr", {}, html("th", { scope: "row" }, objective.label),
      html("td", {}, html("b", {}, said(front.values[i]?.[member] ?? NaN, objective))),
      html("td", {}, bar, html("span", {}, lost === 0 ? "the best" : lost === 1 ? "the worst" : `${Math.round(100 * lost)} % off the best`)));
  });
  const header = html("header", {}, html("h4", {}, HOW[choice.how]), html("div", { class: "wb-bar" }, ...buttons));
  return [header, ...picture(name, drawings, room), html("table", {}, html("tbody", {}, ...lines)), html("code", {}, name)];
}

function picture(name: string, { looks, layouts, of }: Drawings, room: number): Node[] {
  const [number, seats] = of[name] ?? [];
  const layout = layouts[number ?? -1];
  if (!layout || !seats) return [];
  const scale = Math.min(1, (room || layout.width) / layout.width);
  const drawn = drawing(layout, seats, undefined, looks, Math.max(1, LEGIBLE / (13 * scale)));
  put(drawn, { "aria-label": `Drawing of ${name}` });
  drawn.style.maxWidth = `${Math.round(layout.width)}px`;
  return [html("div", { class: "wb-figure" }, drawn)];
}
