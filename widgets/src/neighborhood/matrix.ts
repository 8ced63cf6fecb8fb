// The matrix of single edits: a grid of questions and answers that the mouse and the arrow keys go through.

import { colours } from "../board/diverging";
import { html, put } from "../shared/dom";
import { type Measured, scaleOf, writtenChange, writtenValue } from "./change";
import type { Cell, Option, Row } from "./state";

const SHOWN = 60; // questions that are drawn at once
type Place = [row: number, answer: number];

export class Matrix {
  readonly element = html("div", { class: "wb-matrix" });
  private readonly more = html("button", { type: "button" });
  private grid: HTMLTableCellElement[][] = [];
  private order: number[] = [];
  private cells: Cell[][] = [];
  private current: Place = [0, 0];
  private built = "";
  private shown = SHOWN;
  private rows: Row[] = [];

  constructor(guard: <A extends unknown[]>(work: (...args: A) => void) => (...args: A) => void, height: number,
    private readonly take: (cell: Cell) => void, private readonly point: (cell: Cell | undefined) => void, private readonly again: () => void) {
    put(this.element, { style: `max-height: ${height}px` });
    this.element.addEventListener("click", guard((event: MouseEvent) => this.clicked(event.target)));
    this.element.addEventListener("keydown", guard((event: KeyboardEvent) => this.pressed(event)));
    this.element.addEventListener("pointerover", guard((event: PointerEvent) => this.point(this.at(event.target))));
    this.element.addEventListener("pointerleave", guard(() => this.point(undefined)));
    this.element.addEventListener("focusin", guard((event: FocusEvent) => this.entered(event.target)));
    this.more.addEventListener("click", guard(() => {
      this.shown = this.rows.length;
      this.again();
    }));
  }

  /** Shows the cells; elements stay where the questions do, so that the keyboard's place is not lost. */
  show(rows: Row[], cells: Cell[][], measured: Measured): void {
    this.rows = rows;
    this.cells = cells;
    const key = JSON.stringify([rows.slice(0, this.shown), rows.length]);
    if (key !== this.built) this.build(key);
    const drawn = cells.slice(0, this.shown).flat();
    const scale = scaleOf(drawn.map(({ change }) => change));
    const sign = measured.better === "lower" ? -1 : 1;
    cells.slice(0, this.shown).forEach((line, i) => line.forEach((cell, j) => {
      const element = this.grid[i]?.[j];
      if (element) paint(element, cell, rows[i] as Row, measured, sign, scale);
    }));
  }

  /** Marks the edit that makes an architecture which another view points at. */
  mark(name: string): void {
    this.cells.forEach((line, i) => line.forEach((cell, j) =>
      this.grid[i]?.[j]?.classList.toggle("wb-pointed", name !== "" && !cell.here && cell.name === name)));
  }

  /** One table for questions with the same answers, in the order in which they come. */
  private build(key: string): void {
    const { rows } = this;
    const inside = this.element.contains(document.activeElement);
    const blocks = new Map<string, number[]>();
    rows.slice(0, this.shown).forEach((row, i) => {
      const answers = JSON.stringify(row.options);
      blocks.set(answers, [...(blocks.get(answers) ?? []), i]);
    });
    this.built = key;
    this.order = [...blocks.values()].flat();
    this.grid = [];
    const tables = [...blocks.values()].map((numbers) => this.table(numbers));
    this.more.textContent = `show ${rows.length - this.shown} more questions`;
    this.element.replaceChildren(...tables, ...(rows.length > this.shown ? [this.more] : []));
    this.move(this.grid[this.current[0]]?.[this.current[1]] ? this.current : [this.order[0] ?? 0, 0], inside);
  }

  private table(numbers: number[]): HTMLTableElement {
    const { options } = this.rows[numbers[0] as number] as Row;
    const label = Math.min(28, Math.max(...this.rows.map((row) => row.label.length)));
    const head = html("tr", {}, html("td", {}), ...options.map((option) => heading(option, 100 / options.length)));
    const lines = numbers.map((i) => {
      const row = this.rows[i] as Row;
      this.grid[i] = row.options.map((_, j) => html("td", { role: "gridcell", tabindex: -1, "data-at": `${i} ${j}` }));
      return html("tr", {}, html("th", { scope: "row", title: row.question === row.label ? undefined : row.question }, row.label), ...this.grid[i]);
    });
    const style = `--label: ${label}ch; max-width: calc(${label}ch + ${options.length * 190}px)`;
    return html("table", { role: "grid", "aria-label": "Single edits: questions and answers", style }, html("thead", {}, head), html("tbody", {}, ...lines));
  }

  private at(target: EventTarget | null): Cell | undefined {
    const place = (target as Element | null)?.closest<HTMLElement>("[data-at]")?.dataset["at"]?.split(" ").map(Number) as Place | undefined;
    return place && this.cells[place[0]]?.[place[1]];
  }

  private clicked(target: EventTarget | null): void {
    const cell = this.at(target);
    if (cell && !cell.here && cell.makes) this.take(cell);
  }

  private entered(target: EventTarget | null): void {
    const place = (target as HTMLElement).dataset["at"]?.split(" ").map(Number) as Place | undefined;
    if (!place) return;
    this.move(place, false);
    this.point(this.at(target));
  }

  private pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.at(event.target)) return;
    const [row, answer] = this.current;
    const line = this.order.indexOf(row);
    const last = (this.grid[row]?.length ?? 1) - 1;
    const goes: Record<string, Place> = {
      ArrowLeft: [line, answer - 1], ArrowRight: [line, answer + 1], ArrowUp: [line - 1, answer], ArrowDown: [line + 1, answer],
      Home: [line, 0], End: [line, last],
    };
    const go = goes[event.key];
    if (go) {
      const next = this.order[Math.max(0, Math.min(this.order.length - 1, go[0]))] as number;
      this.move([next, Math.max(0, Math.min((this.grid[next]?.length ?? 1) - 1, go[1]))], true);
    } else if (event.key === "Enter" || event.key === " ") this.clicked(event.target);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Makes a cell the one that the keyboard is at. */
  private move(place: Place, focus: boolean): void {
    put(this.grid[this.current[0]]?.[this.current[1]] ?? this.element, { tabindex: -1 });
    this.current = place;
    const element = this.grid[place[0]]?.[place[1]];
    if (!element) return;
    put(element, { tabindex: 0 });
    if (focus) element.focus();
  }
}

function heading(option: Option, share: number): HTMLElement {
  const dot = option.colour === "" ? [] : [html("i", { style: `background: light-dark(${option.colour}, ${option.dark})`, "aria-hidden": "true" })];
  return html("th", { scope: "col", title: String(option.answer), style: `width: ${share.toFixed(2)}%` }, ...dot, option.label);
}

function paint(element: HTMLElement, cell: Cell, row: Row, measured: Measured, sign: number, scale: number): void {
  const known = !cell.here && cell.makes && Number.isFinite(cell.change);
  const { fill, ink } = colours(scale > 0 && known ? (sign * cell.change) / scale : 0);
  const state = cell.here ? "wb-here" : !cell.makes ? "wb-never" : !cell.known ? "wb-waits" : !known ? "wb-none" : cell.same ? "wb-same" : "";
  const words = cell.here ? "·" : !cell.makes ? "×" : !cell.known ? "…" : !known ? "–" : writtenChange(cell.change, measured.unit);
  const told = spoken(cell, row, measured, known ? words : "");
  if (element.textContent !== words) element.textContent = words;
  put(element, {
    class: state, title: told, "aria-label": told, style: known ? `background: ${fill}; color: ${ink}` : undefined,
    "aria-disabled": !cell.here && !cell.makes ? "true" : undefined, "aria-selected": String(cell.here),
  });
}

/** A cell in words: what the edit is, its number, why there is none, whether it changes the function. */
function spoken(cell: Cell, row: Row, measured: Measured, change: string): string {
  const option = row.options[cell.answer]?.label ?? "";
  if (cell.here) return `${row.label}: ${option}, the present answer`;
  const number = change ? `: ${change}, to ${writtenValue(cell.value, measured.unit)}` : cell.known || !cell.makes ? `: ${cell.reason}` : ": being worked out";
  return `${row.label} to ${option}${number}${cell.same && cell.makes ? "; same function" : ""}`;
}
