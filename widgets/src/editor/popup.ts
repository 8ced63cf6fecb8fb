// A button that opens a menu, worked by mouse and by keyboard as the ARIA practices say.

import { html, put } from "../shared/dom";

/** One entry: `note` stands behind the label; a `blocked` one is shown with the reason and does nothing. */
export interface Entry { label: string; note?: string; title?: string; blocked?: string; work: () => void }

/** Entries under a heading, or, with an empty one, without. */
export interface Section { heading: string; entries: Entry[] }

let made = 0;

export class Popup {
  readonly button: HTMLButtonElement;
  private readonly menu: HTMLElement;
  readonly element: HTMLElement;
  private filling = false;

  constructor(label: string, title: string, private readonly sections: () => Section[]) {
    const id = `wb-popup-${++made}`;
    this.menu = html("div", { class: "wb-popup-menu", role: "menu", id, "aria-label": title, hidden: true });
    this.button = html("button", {
      type: "button", title, "aria-haspopup": "menu", "aria-expanded": "false", "aria-controls": id,
    }, label);
    this.element = html("div", { class: "wb-popup" }, this.button, this.menu);
    this.button.addEventListener("click", () => (this.isOpen ? this.close(true) : this.open(0)));
    this.button.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      this.open(event.key === "ArrowDown" ? 0 : -1);
      event.preventDefault();
      event.stopPropagation();
    });
    // Some browsers move focus away from a pressed button, which would close the menu before the click.
    this.menu.addEventListener("mousedown", (event) => event.preventDefault());
    this.menu.addEventListener("keydown", (event) => this.pressed(event));
    this.menu.addEventListener("focusout", (event) => {
      if (!this.filling && !this.menu.contains(event.relatedTarget as Node | null)) this.close(false);
    });
  }

  get isOpen(): boolean { return !this.menu.hidden; }

  /** Shows the entries as they are now, where the menu is open. */
  refresh(): void {
    if (!this.isOpen) return;
    const at = this.items().indexOf(document.activeElement as HTMLElement);
    const seen = this.menu.scrollTop;
    this.filling = true; // what loses the focus now gets it back
    this.fill();
    this.menu.scrollTop = seen;
    this.items()[Math.max(at, 0)]?.focus({ preventScroll: true });
    this.filling = false;
  }

  private open(at: number): void {
    this.fill();
    this.menu.hidden = false;
    put(this.button, { "aria-expanded": "true" });
    this.place();
    this.items().at(at)?.focus({ preventScroll: true });
  }

  close(giveBackFocus: boolean): void {
    if (!this.isOpen) return;
    this.menu.hidden = true;
    put(this.button, { "aria-expanded": "false" });
    if (giveBackFocus) this.button.focus({ preventScroll: true });
  }

  private fill(): void {
    this.menu.replaceChildren(...this.sections().filter(({ entries }) => entries.length > 0).map(({ heading, entries }) => {
      const items = entries.map((entry) => this.item(entry));
      if (heading === "") return html("div", { role: "none", class: "wb-popup-section" }, ...items);
      return html("div", { role: "group", "aria-label": heading, class: "wb-popup-section" },
        html("span", { "aria-hidden": "true" }, heading), ...items);
    }));
  }

  private item({ label, note, title, blocked, work }: Entry): HTMLElement {
    const item = html("button", {
      type: "button", role: "menuitem", tabindex: -1, title: blocked || title || undefined,
      "aria-disabled": blocked ? "true" : undefined,
    }, html("span", {}, label), ...(note ? [html("small", {}, note)] : []));
    item.addEventListener("click", () => {
      if (blocked) return;
      this.close(true);
      work();
    });
    return item;
  }

  private items(): HTMLElement[] {
    return [...this.menu.querySelectorAll<HTMLElement>("[role=menuitem]")];
  }

  /** Below the button, or above it where only there the widget has room. */
  private place(): void {
    const root = this.element.closest(".wb")?.getBoundingClientRect();
    if (!root) return;
    const at = this.element.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height, style } = this.menu;
    style.left = `${Math.max(Math.min(0, root.right - at.left - width - 8), root.left - at.left + 8)}px`;
    const above = at.bottom + height + 8 > root.bottom && at.top - height - 8 > root.top;
    style.top = above ? `${-height - 4}px` : "";
  }

  private pressed(event: KeyboardEvent): void {
    const items = this.items();
    const at = items.indexOf(document.activeElement as HTMLElement);
    const move: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
    if (event.key === "Escape" || event.key === "Tab") this.close(true);
    else if (event.key in move) items.at((move[event.key] ?? 0) % items.length)?.focus();
    else if (/^[a-z]$/i.test(event.key) && !event.ctrlKey && !event.metaKey) this.jump(items, at, event.key);
    else if (event.key !== "Enter" && event.key !== " ") return;
    event.stopPropagation();
    if (event.key !== "Enter" && event.key !== " ") event.preventDefault();
  }

  /** To the next entry that begins with the letter. */
  private jump(items: HTMLElement[], at: number, letter: string): void {
    const after = [...items.slice(at + 1), ...items.slice(0, at + 1)];
    after.find((item) => item.textContent?.toLowerCase().startsWith(letter.toLowerCase()))?.focus();
  }
}
