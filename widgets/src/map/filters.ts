// Filters: which points are there at all, by ranges of numbers and by text in the architecture; each is a chip.

import { html, put } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { listen, type Model } from "../shared/model";
import { namesOf } from "../shared/names";
import type { Columns } from "./columns";

interface Range { column: string; least: number | null; most: number | null }
interface Text { text: string }
type Filter = Range | Text;
type Bound = "least" | "most";

const TEXT = ""; // the menu's value for the architecture itself: no column has an empty name
const isText = (filter: Filter): filter is Text => "text" in filter;

/** Widgets that it takes the place of: `add` in a bar, `chips` in a row of their own. */
export class Filters {
  readonly add: HTMLButtonElement;
  readonly chips = html("div", { class: "wb-bar wb-chips", role: "group", "aria-label": "Filters", hidden: true });
  private readonly told = html("span", { class: "wb-told" });
  private names: string[] = [];
  private built = "";

  /** `hide` is told which rows are no points; it returns how many are left, and of how many. */
  constructor(
    private readonly model: Model, private readonly frame: Frame, private readonly columns: Columns,
    private readonly size: () => number, private readonly hide: (hidden: Uint8Array) => [number, number],
  ) {
    this.add = html("button", { type: "button", title: "Show only some of the points" }, "+ filter");
    this.add.addEventListener("click", frame.guard(() => {
      const column = String(model.get("color") || model.get("y"));
      this.save([...this.filters, { column, least: null, most: null }]);
      this.chips.querySelectorAll<HTMLElement>(".wb-chip select").forEach((menu) => menu.focus());
    }));
  }

  listen(): () => void {
    const apply = this.frame.guard(() => this.apply());
    const stops = [listen(this.model, "change:filters", apply), this.columns.listen(apply)];
    namesOf(this.model).then((names) => {
      this.names = names;
      apply();
    }, this.frame.guard((error: unknown) => { throw error; }));
    apply();
    return () => stops.forEach((stop) => stop());
  }

  private get filters(): Filter[] {
    return (this.model.get("filters") ?? []) as Filter[];
  }

  private save(filters: Filter[]): void {
    this.model.set("filters", filters);
    this.model.save_changes();
    this.apply();
  }

  // -- which rows

  private apply(): void {
    const hidden = new Uint8Array(this.size());
    let waiting = 0;
    for (const filter of this.filters) if (!this.mark(filter, hidden)) waiting++;
    this.draw();
    const [shown, all] = this.hide(hidden);
    const missing = this.model.alone ? "a filter needs numbers that are not in this page" : "asking Python…";
    const words = `${shown.toLocaleString("en-US")} of ${all.toLocaleString("en-US")} shown`;
    const told = waiting ? `${words}; ${missing}` : words;
    if (this.told.textContent !== told && this.filters.length) this.frame.say(told);
    this.told.textContent = told;
  }

  /** Marks the rows that a filter does not let through; false where the page does not know yet. */
  private mark(filter: Filter, hidden: Uint8Array): boolean {
    if (isText(filter)) return this.markText(filter.text, hidden);
    const values = this.columns.values(filter.column);
    if (!values) return false;
    const least = filter.least === null ? -Infinity : Math.fround(filter.least);
    const most = filter.most === null ? Infinity : Math.fround(filter.most);
    for (let i = 0; i < hidden.length; i++) {
      const value = values[i] as number;
      if (!(value >= least && value <= most)) hidden[i] = 1;
    }
    return true;
  }

  private markText(text: string, hidden: Uint8Array): boolean {
    if (text === "") return true;
    if (this.names.length) {
      for (let i = 0; i < hidden.length; i++) if (!(this.names[i] as string).includes(text)) hidden[i] = 1;
      return true;
    }
    const found = this.columns.containing(text);
    if (found) for (let i = 0; i < hidden.length; i++) if (!found[i]) hidden[i] = 1;
    return found !== undefined;
  }

  // -- the chips

  /** Builds the chips anew where there are others, and only fills them in where just a number has changed. */
  private draw(): void {
    const shape = JSON.stringify(this.filters.map((filter) => (isText(filter) ? TEXT : filter.column)));
    this.chips.hidden = this.filters.length === 0;
    if (shape !== this.built) this.chips.replaceChildren(...this.filters.map((_, i) => this.chip(i)), this.told);
    this.built = shape;
    this.filters.forEach((filter, i) => this.fill(this.chips.children[i] as HTMLElement, filter));
  }

  private chip(i: number): HTMLElement {
    const filter = this.filters[i] as Filter;
    const names = this.model.get("columns") as string[];
    const menu = html("select", { "aria-label": `Filter ${i + 1} by` },
      html("option", { value: TEXT }, "architecture"), ...names.map((name) => html("option", { value: name }, name)));
    menu.value = isText(filter) ? TEXT : filter.column;
    menu.addEventListener("change", this.frame.guard(() => {
      this.put(i, menu.value === TEXT ? { text: "" } : { column: menu.value, least: null, most: null });
      this.chips.children[i]?.querySelector("input")?.focus();
    }));
    const remove = html("button", { type: "button", "aria-label": `Remove filter ${i + 1}`, title: "Remove this filter" }, "×");
    remove.addEventListener("click", this.frame.guard(() => {
      this.save(this.filters.filter((_, k) => k !== i));
      this.add.focus();
    }));
    const fields = isText(filter) ? [" contains ", this.words(i)] : [this.bound(i, "least"), " to ", this.bound(i, "most")];
    return html("span", { class: "wb-chip", role: "group", "aria-label": `Filter ${i + 1}` }, menu, ...fields, remove);
  }

  private put(i: number, filter: Filter): void {
    this.save(this.filters.map((old, k) => (k === i ? filter : old)));
  }

  private words(i: number): HTMLInputElement {
    const field = html("input", { type: "text", "aria-label": "text in the architecture", spellcheck: "false", placeholder: "text" });
    field.addEventListener("input", this.frame.guard(() => this.put(i, { text: field.value })));
    return field;
  }

  private bound(i: number, key: Bound): HTMLInputElement {
    const words = key === "least" ? "at least" : "at most";
    const field = html("input", { type: "number", step: "any", "aria-label": words, "data-bound": key });
    field.addEventListener("input", this.frame.guard(() => {
      if (field.validity.badInput) return; // half of a number
      this.put(i, { ...(this.filters[i] as Range), [key]: field.value === "" ? null : Number(field.value) });
    }));
    return field;
  }

  private fill(chip: HTMLElement, filter: Filter): void {
    const values = isText(filter) ? undefined : this.columns.values(filter.column);
    for (const field of chip.querySelectorAll("input")) {
      const key = field.dataset["bound"] as Bound | undefined;
      const value = isText(filter) ? filter.text : String(filter[key as Bound] ?? "");
      if (field.value !== value && !(field === document.activeElement && Number(field.value) === Number(value))) field.value = value;
      if (values && key && !field.placeholder) put(field, { placeholder: short(edge(values, key)) });
    }
  }
}

function edge(values: Float32Array, key: Bound): number {
  let found = NaN;
  for (const value of values) if (value === value && !(key === "least" ? value >= found : value <= found)) found = value;
  return found;
}

function short(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "";
}
