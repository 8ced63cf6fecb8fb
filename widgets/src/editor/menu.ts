// The small menu of answers that opens at an edge.

import { html, put } from "../shared/dom";
import type { Answer } from "../shared/model";
import type { Option } from "./state";

/** What a menu offers for one question. */
export interface Section { question: string; options: Option[]; current: Answer | undefined }

/** A coloured dot and the operation's label; the colour is never alone. */
export function swatch(option: Option): HTMLElement {
  const dot = html("i", { class: option.dashed ? "wb-dot wb-hollow" : "wb-dot" });
  dot.style.setProperty("--op", `light-dark(${option.colour}, ${option.dark})`);
  return dot;
}

export class Menu {
  readonly element = html("div", { class: "wb-menu", role: "menu", hidden: true });
  private opener: Element | undefined;

  constructor(private readonly choose: (question: string, answer: Answer) => void) {
    // Some browsers move focus away from a pressed button, which would close the menu before the click.
    this.element.addEventListener("mousedown", (event) => event.preventDefault());
    this.element.addEventListener("keydown", (event) => this.pressed(event));
    this.element.addEventListener("focusout", (event) => {
      if (!this.element.contains(event.relatedTarget as Node | null)) this.close(false);
    });
  }

  get open(): boolean { return !this.element.hidden; }

  /** Opens below `opener` with the first question's current answer focused; several questions have their names above. */
  show(opener: Element, sections: Section[]): void {
    this.opener = opener;
    let number = 0;
    const parts = sections.map((section) => {
      const items = section.options.map((option) => this.item(section, option, ++number));
      if (sections.length === 1) return items;
      const named = { role: "group", class: "wb-section", "aria-label": section.question };
      return [html("div", named, html("span", {}, section.question), ...items)];
    });
    put(this.element, { "aria-label": `Operations for ${sections.map((section) => section.question).join(", ")}` });
    this.element.replaceChildren(...parts.flat());
    this.element.hidden = false;
    this.place(opener);
    const chosen = this.element.querySelector<HTMLElement>("[aria-checked=true]") ?? this.element.querySelector("button");
    chosen?.focus({ preventScroll: true });
  }

  private item({ question, current }: Section, option: Option, number: number): HTMLElement {
    const chosen = String(option.answer === current);
    const item = html("button", { role: "menuitemradio", "aria-checked": chosen, type: "button", tabindex: -1 },
      html("kbd", {}, number <= 9 ? String(number) : ""), swatch(option), option.label);
    item.addEventListener("click", () => {
      this.close(true);
      this.choose(question, option.answer);
    });
    return item;
  }

  close(giveBackFocus: boolean): void {
    if (!this.open) return;
    this.element.hidden = true;
    if (giveBackFocus) (this.opener as SVGElement | undefined)?.focus({ preventScroll: true });
  }

  private place(opener: Element): void {
    const home = (this.element.offsetParent ?? document.body).getBoundingClientRect();
    const at = (opener.querySelector(".wb-pill") ?? opener).getBoundingClientRect();
    const left = at.left + at.width / 2 - home.left - this.element.offsetWidth / 2;
    this.element.style.left = `${Math.max(4, Math.min(left, home.width - this.element.offsetWidth - 4))}px`;
    this.element.style.top = `${at.bottom - home.top + 6}px`;
  }

  private pressed(event: KeyboardEvent): void {
    const items = [...this.element.querySelectorAll<HTMLElement>("button")];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const move: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
    const digit = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1;
    if (event.key === "Escape" || event.key === "Tab") this.close(true);
    else if (digit >= 0) items[digit]?.click();
    else if (event.key in move) items[((move[event.key] ?? 0) + items.length) % items.length]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
