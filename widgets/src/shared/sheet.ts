// The numbers of all architectures of a space: where the kernel has sent them, an edit finds its own in the same frame.

import { type Fact, filled, type Template } from "./facts";
import { type Answer, listen, type Model } from "./model";
import { copied, inflated } from "./names";

export type { Fact } from "./facts";
export type Decisions = Record<string, Answer>;
/** A number that all architectures have: `better` is "higher", "lower" or "". */
export interface Column { name: string; words: string; better: string; unit: string }
/** An architecture one changed answer away. */
export interface Neighbor { question: string; answer: Answer; row: number }

interface Asked { name: string; answers: Answer[] }
interface About { space: string; rows: number; questions: Asked[]; columns: Column[]; facts: Template[] }

export class Sheet {
  /** Whether numbers and names are there: until then there are no facts, and no row has a name. */
  ready = false;
  columns: Column[] = [];
  rows = 0;
  private questions: Asked[] = [];
  private templates: Template[] = [];
  private values = new Float32Array();
  private names: string[] = [];
  private places: Map<string, number> | undefined;
  private readonly positions = new Map<string, number>();
  private waiting: (() => void)[] = [];

  constructor(private readonly model: Model) {
    listen(model, "change:sheet", () => void this.read());
    void this.read();
  }

  /** Calls back once everything is there: at once where it is. */
  onReady(work: () => void): void {
    if (this.ready) work();
    else this.waiting.push(work);
  }

  /** The row of an architecture: the number that its answers are the digits of; -1 for answers that are not the space's. */
  row(decisions: Decisions): number {
    let row = 0;
    for (const { name, answers } of this.questions) {
      const digit = answers.indexOf(decisions[name] as Answer);
      if (digit < 0) return -1;
      row = row * answers.length + digit;
    }
    return this.questions.length > 0 ? row : -1;
  }

  /** The answers of a row. */
  decisions(row: number): Decisions {
    const found: [string, Answer][] = [];
    for (const { name, answers } of [...this.questions].reverse()) {
      found.unshift([name, answers[row % answers.length] as Answer]);
      row = Math.floor(row / answers.length);
    }
    return Object.fromEntries(found);
  }

  /** The row of an architecture's string; -1 for another string. */
  rowOf(name: string): number {
    this.places ??= new Map(this.names.map((one, row) => [one, row]));
    return this.places.get(name) ?? -1;
  }

  /** The string of a row's architecture. */
  name(row: number): string {
    return this.names[row] ?? "";
  }

  /** A row's number; NaN where there is none. */
  value(column: string, row: number): number {
    const at = this.positions.get(column);
    return at === undefined || row < 0 || row >= this.rows ? NaN : (this.values[at * this.rows + row] as number);
  }

  /** What is known about an architecture; undefined while nothing is known, or for answers that are not the space's. */
  facts(decisions: Decisions): Fact[] | undefined {
    const row = this.ready ? this.row(decisions) : -1;
    if (row < 0) return undefined;
    return this.templates.map((template) => filled(template, (column) => this.value(column, row)))
      .filter((fact) => fact !== undefined);
  }

  /** Every architecture one changed answer away, question by question. */
  neighbors(decisions: Decisions): Neighbor[] {
    const here = this.row(decisions);
    if (here < 0) return [];
    let unit = this.rows;
    return this.questions.flatMap(({ name, answers }) => {
      unit /= answers.length;
      const digit = answers.indexOf(decisions[name] as Answer);
      return answers.map((answer, i) => ({ question: name, answer, row: here + (i - digit) * unit }))
        .filter(({ row }) => row !== here);
    });
  }

  private async read(): Promise<void> {
    const about = this.model.get("sheet") as Partial<About> | undefined;
    if (about?.rows === undefined) return;
    const names = inflated(copied(this.model.get("sheet_names"))) as Promise<string[]>;
    this.rows = about.rows;
    this.questions = about.questions ?? [];
    this.columns = about.columns ?? [];
    this.templates = about.facts ?? [];
    this.columns.forEach(({ name }, at) => this.positions.set(name, at));
    this.values = new Float32Array(copied(this.model.get("sheet_values")));
    this.names = await names;
    this.ready = true;
    const waiting = this.waiting;
    this.waiting = [];
    for (const work of waiting) work();
  }
}

/** Model -> its sheet, which all views of the widget share. */
const SHEETS = new WeakMap<Model, Sheet>();

/** The sheet of a widget, for which the kernel is asked once the widget has been drawn. */
export function sheetOf(model: Model): Sheet {
  const known = SHEETS.get(model);
  if (known) return known;
  const sheet = new Sheet(model);
  SHEETS.set(model, sheet);
  const about = model.get("sheet") as Partial<About> | undefined;
  if (about !== undefined && about.rows === undefined) {
    requestAnimationFrame(() => setTimeout(() => model.send({ kind: "sheet" }), 0));
  }
  return sheet;
}
