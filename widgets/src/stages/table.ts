// The stages of one matrix, unfolded: a table with a button for each, or a list where a table would not fit.

import { html, put } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { arrow, type Looks, type Node, own, paint, type Run, sign, type Stage } from "./state";

interface Cell { name: string; button: HTMLButtonElement; sign: HTMLElement; words: HTMLElement; row: number; column: number }

const WIDEST = 12, MOST = 400; // columns of a table; stages that are unfolded

export class Table {
  readonly element = html("section", { class: "wb-unfolded", hidden: true });
  private readonly heading = html("h4");
  private readonly place = html("div", { class: "wb-scroll" });
  private readonly note = html("p", { class: "wb-quiet" });
  private cells: Cell[] = [];
  private current = "";
  node: Node | undefined;

  constructor(
    private readonly frame: Frame, private readonly run: Run, private readonly looks: Looks,
    private readonly open: (name: string) => void, fold: () => void,
  ) {
    const close = html("button", { type: "button", class: "wb-close", "aria-label": "Fold these stages", title: "Fold (Escape)" }, "×");
    close.addEventListener("click", frame.guard(fold));
    this.element.append(html("div", { class: "wb-head" }, this.heading, close), this.place, this.note);
    this.element.addEventListener("keydown", frame.guard((event: KeyboardEvent) => this.keyed(event, fold)));
  }

  /** Unfolds a node; folds what is unfolded without one. */
  show(node: Node | undefined): void {
    this.node = node;
    this.element.hidden = !node;
    this.cells = [];
    this.place.replaceChildren();
    if (!node) return;
    const members = this.run.members(node);
    this.heading.textContent = `${node.id}: ${members.length} stages`;
    put(this.element, { "aria-label": this.heading.textContent });
    const shown = members.length > MOST ? this.run.sorted(members).slice(0, MOST) : members;
    this.note.hidden = shown.length === members.length;
    this.note.textContent = `${shown.length} of ${members.length.toLocaleString("en-US")}, those that need looking at first.`;
    const across = this.across(node, shown.length === members.length);
    this.place.replaceChildren(across ? this.grid(node, members, across) : this.list(shown));
    if (!this.cells.some((cell) => cell.name === this.current)) this.current = this.cells[0]?.name ?? "";
  }

  tell(chosen: string): void {
    for (const cell of this.cells) {
      const stage = this.run.stage(cell.name);
      if (!stage) continue;
      paint(cell.button, this.looks, stage.state);
      cell.sign.textContent = sign(this.looks, stage.state);
      const [at, of] = this.run.at(stage.name) ?? [0, 0];
      cell.words.textContent = stage.state === "running" && of ? `${at}/${of}` : this.run.time(stage) || this.run.words(stage);
      put(cell.button, {
        "aria-pressed": String(cell.name === chosen), tabindex: cell.name === this.current ? 0 : -1,
        "aria-label": this.run.sentence(stage), title: this.run.sentence(stage),
      });
    }
  }

  focus(): void { this.cells.find((cell) => cell.name === this.current)?.button.focus(); }

  /** The parameter that goes across: the last one whose values fit into a row. */
  private across(node: Node, whole: boolean): [string, string[]] | undefined {
    if (!whole || node.axes.length < 2) return undefined;
    return [...node.axes].reverse().find(([, values]) => values.length > 1 && values.length <= WIDEST);
  }

  private grid(node: Node, members: Stage[], [name, values]: [string, string[]]): HTMLElement {
    const others = node.axes.map(([axis]) => axis).filter((axis) => axis !== name);
    const rows = new Map<string, Stage[]>();
    for (const stage of members) {
      const key = JSON.stringify(others.map((axis) => own(stage.matrix, axis)));
      rows.set(key, [...(rows.get(key) ?? []), stage]);
    }
    const top = html("tr", {}, ...others.map((axis) => html("th", { scope: "col" }, axis)),
      ...values.map((value) => html("th", { scope: "col" }, `${name} ${value}`)));
    const body = [...rows.values()].map((stages, row) => html("tr", {},
      ...others.map((axis) => html("th", { scope: "row" }, own(stages[0]?.matrix ?? {}, axis) ?? "")),
      ...values.map((value, column) => {
        const stage = stages.find((one) => own(one.matrix, name) === value);
        return html("td", {}, ...(stage ? [this.cell(stage, "", row, column)] : []));
      })));
    return html("table", {}, html("thead", {}, top), html("tbody", {}, ...body));
  }

  private list(stages: Stage[]): HTMLElement {
    return html("div", { class: "wb-list" }, ...stages.map((stage, i) => {
      const values = Object.entries(stage.matrix).map(([axis, value]) => `${axis} ${value}`).join(", ");
      return this.cell(stage, values || stage.name, 0, i);
    }));
  }

  private cell(stage: Stage, label: string, row: number, column: number): HTMLButtonElement {
    const mark = html("span", { class: "wb-sign", "aria-hidden": "true" });
    const words = html("span", { class: "wb-time" });
    const button = html("button", { type: "button", class: "wb-one" }, mark, ...(label ? [html("span", {}, label)] : []), words);
    button.addEventListener("click", this.frame.guard(() => {
      this.current = stage.name;
      this.open(stage.name);
    }));
    this.cells.push({ name: stage.name, button, sign: mark, words, row, column });
    return button;
  }

  private keyed(event: KeyboardEvent, fold: () => void): void {
    if (event.key === "Escape") {
      event.stopPropagation();
      return fold();
    }
    const here = this.cells.find((cell) => cell.button === event.target);
    const [dx, dy] = arrow(event.key);
    if (!here || (!dx && !dy)) return;
    const flat = this.cells.every((cell) => cell.row === 0);
    const next = flat ? this.cells[this.cells.indexOf(here) + dx + dy]
      : this.cells.find((cell) => cell.row === here.row + dy && cell.column === here.column + dx);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    this.current = next.name;
    for (const cell of this.cells) put(cell.button, { tabindex: cell === next ? 0 : -1 });
    next.button.focus();
  }
}
