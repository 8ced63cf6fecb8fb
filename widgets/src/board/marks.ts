// Dots, cards of the board and lists worked by arrow keys: what several views are made of.

import { html, put, svg } from "../shared/dom";
import type { Form, Mark } from "./state";

const OUTLINES: Record<Form, (r: number) => string> = {
  circle: (r) => `M${-r},0a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0Z`,
  diamond: (r) => `M0,${-1.25 * r}L${1.25 * r},0L0,${1.25 * r}L${-1.25 * r},0Z`,
  square: (r) => `M${-r},${-r}h${2 * r}v${2 * r}h${-2 * r}Z`,
  triangle: (r) => `M0,${-1.25 * r}L${1.2 * r},${0.85 * r}H${-1.2 * r}Z`,
};

/** A truth's dot at a place: filled, or hollow for what holds within the selection only. */
export function dot(mark: Mark, x: number, y: number, radius = 5.2, hollow = false): SVGPathElement {
  return svg("path", {
    class: hollow ? "wb-dot wb-hollow" : "wb-dot", d: OUTLINES[mark.form](radius),
    transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, style: coloured(mark),
  });
}

export function coloured(mark: { colour: string; dark: string }): string {
  return mark.colour ? `--dot: light-dark(${mark.colour}, ${mark.dark})` : "";
}

let cards = 0;

/** A white card of the board with a heading, a quiet note beside it, and whatever comes below. */
export class Panel {
  readonly heading = html("h3", { id: `wb-heading-${++cards}` });
  readonly note = html("span");
  readonly head = html("div", { class: "wb-head" }, this.heading, this.note);
  readonly element: HTMLElement;

  constructor(className: string, title: string, ...children: (Node | string)[]) {
    this.heading.textContent = title;
    this.element = html("section", { class: `wb-panel ${className}`, "aria-labelledby": this.heading.id }, this.head, ...children);
  }
}

/** Draws afresh inside an element without losing the keyboard's place: items are known by their name. */
export function redrawn(host: Element, parts: Node[]): void {
  const focused = host.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset["name"] : undefined;
  host.replaceChildren(...parts);
  if (focused !== undefined) items(host).find((item) => item.dataset["name"] === focused)?.focus({ preventScroll: true });
}

type Item = SVGGElement | HTMLElement;

function items(host: Element): Item[] { return [...host.querySelectorAll<Item>("[data-name]")]; }

/** Makes an element with named items a list: arrows go from item to item, Enter and Space choose, Tab leaves. */
export function listed(host: Element, choose: (name: string) => void): void {
  const run = (event: Event) => {
    const item = (event.target as Element).closest<Item>("[data-name]");
    if (item) choose(item.dataset["name"] as string);
    return item !== null;
  };
  host.addEventListener("click", run);
  host.addEventListener("keydown", (event) => {
    const { key, ctrlKey, metaKey } = event as KeyboardEvent;
    if (ctrlKey || metaKey) return;
    const all = items(host);
    const at = all.indexOf((event.target as Element).closest<Item>("[data-name]") as Item);
    const steps: Record<string, number> = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 };
    const next = steps[key];
    if (next !== undefined) {
      const item = all[Math.max(0, Math.min(all.length - 1, next))];
      for (const each of all) put(each, { tabindex: each === item ? 0 : -1 });
      item?.focus();
    } else if (!((key === "Enter" || key === " ") && run(event))) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** The attributes of an item; one item of a list can be reached by Tab, the chosen one where there is one. */
export function item(name: string, label: string, selected: boolean, reachable: boolean): Record<string, string | number> {
  return { "data-name": name, role: "option", "aria-label": label, "aria-selected": String(selected), tabindex: reachable ? 0 : -1 };
}

/** About how many pixels a text takes. */
export function wide(words: string, size = 12.5): number { return words.length * size * 0.58; }

/** A text of at most so many pixels, the rest an ellipsis. */
export function cut(words: string, room: number, size = 12.5): string {
  const letters = Math.max(2, Math.floor(room / (size * 0.62)));
  return words.length <= letters ? words : `${words.slice(0, letters - 1)}…`;
}
