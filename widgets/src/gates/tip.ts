// What the options of a gate are worth, beside the pointer or the keyboard's place.

import { html } from "../shared/dom";
import { swatch } from "./flow";
import { percent, type Records } from "./state";

const MOST = 9; // options that are listed

export class Tip {
  readonly element = html("div", { class: "wb-tip", hidden: true });
  private gate = -1;
  private byKey = false;

  /** Gates are the elements in `root` that bear a number as their name; `epoch` is the one that is shown. */
  constructor(private readonly root: HTMLElement, private readonly records: Records, private readonly epoch: () => number,
    guard: <A extends unknown[]>(work: (...args: A) => void) => (...args: A) => void) {
    root.addEventListener("pointermove", guard((event: PointerEvent) => this.show(event.target, event.clientX, event.clientY)));
    root.addEventListener("pointerleave", guard(() => this.hide()));
    root.addEventListener("focusout", guard(() => {
      if (this.byKey) this.hide();
    }));
    root.addEventListener("focusin", guard((event: FocusEvent) => {
      const one = event.target as Element;
      const box = one.getBoundingClientRect();
      if (!one.matches("[data-name]:focus-visible")) return;
      this.show(one, box.left + box.width / 2, box.bottom - 8);
      this.byKey = true;
    }));
  }

  /** Says the numbers of the epoch that is shown now. */
  again(): void {
    const { records, gate } = this;
    const found = records.gates[gate];
    const worth = found && records.worth(gate, this.epoch());
    if (!found || !worth) return this.hide();
    const order = worth.map((_, k) => k).sort((a, b) => (worth[b] as number) - (worth[a] as number));
    const rows = order.slice(0, MOST).flatMap((k) => {
      const option = found.options[k];
      return option ? [html("div", {}, swatch(option), html("span", {}, option[0]), html("b", {}, percent(worth[k] as number)))] : [];
    });
    const more = order.length - rows.length;
    this.element.replaceChildren(html("em", {}, found.name), ...rows, ...(more > 0 ? [html("small", {}, `and ${more} more`)] : []));
  }

  private show(target: EventTarget | null, x: number, y: number): void {
    const name = (target as Element).closest<HTMLElement>("[data-name]")?.dataset["name"];
    if (name === undefined) return this.hide();
    this.gate = Number(name);
    this.byKey = false;
    this.element.hidden = false;
    this.again();
    const box = this.root.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = this.element;
    const [left, top] = [x - box.left, y - box.top];
    const right = left + 16 + offsetWidth > box.width;
    const above = top + 18 + offsetHeight > box.height;
    Object.assign(this.element.style, {
      left: `${Math.max(0, right ? left - offsetWidth - 16 : left + 16)}px`, top: `${Math.max(0, above ? top - offsetHeight - 12 : top + 18)}px`,
    });
  }

  private hide(): void {
    this.gate = -1;
    this.element.hidden = true;
  }
}
