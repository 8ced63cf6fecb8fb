// What the neighbourhood knows: the architecture, what each edit makes of it, the path, from the sheet or from the kernel.

import type { Answer, Model } from "../shared/model";
import { type Decisions, type Sheet } from "../shared/sheet";
import type { Measured } from "./change";

export interface Option { answer: Answer; label: string; colour: string; dark: string }
export interface Row { question: string; label: string; options: Option[] }
export interface Trail { names: string[]; at: number; stamp: number }

/** One edit: `here` is the present answer, `known` false while its number is worked out, `name` what it makes. */
export interface Cell {
  question: string; answer: number; here: boolean; known: boolean; makes: boolean; same: boolean;
  value: number; change: number; reason: string; name: string;
}

interface Present { name: string; decisions: Decisions; rows: Row[] }
interface KernelCell { value?: number | null; reason?: string; same: boolean; makes: boolean }
interface Numbers {
  of?: string; measure?: string; cells: Record<string, (KernelCell | null)[]>; done: number; total: number;
  path: Record<string, number | null>;
}

const FUNCTION = "function"; // the sheet's column that is equal for architectures with the same function

export class State {
  constructor(private readonly model: Model, private readonly sheet: Sheet) {}

  /** The architecture's string: what was opened last. */
  get name(): string {
    return (this.model.get("opened") as { name?: string }).name ?? this.present.name;
  }

  get rows(): Row[] { return this.present.rows; }

  get measured(): Measured {
    const all = this.measures;
    return all.find(({ name }) => name === this.model.get("measure")) ?? (all[0] as Measured);
  }

  /** What the menu offers. */
  get measures(): Measured[] {
    return (this.model.get("measures") as Measured[]).filter(({ words }) => words !== "");
  }

  get trail(): Trail { return this.model.get("trail") as Trail; }

  /** Whether the rows and numbers are those of the architecture that is open. */
  get current(): boolean { return this.row >= 0 || this.present.name === this.name; }

  /** How many edits the kernel has worked out, while it has not finished. */
  get progress(): [number, number] | undefined {
    const numbers = this.numbers;
    return this.fromSheet || numbers === undefined || numbers.done === numbers.total ? undefined : [numbers.done, numbers.total];
  }

  /** Whether the sheet knows everything that is shown, so that no kernel is needed. */
  get fromSheet(): boolean { return this.measured.sheet && this.row >= 0; }

  /** Every cell of the matrix, row by row. */
  cells(): Cell[][] {
    const decisions = this.decisions;
    const [here, base] = [this.row, this.valueOf(this.name)];
    return this.rows.map(({ question, options }) => {
      const at = options.findIndex(({ answer }) => answer === decisions[question]);
      return options.map((_, answer) => {
        const row = here < 0 ? -1 : this.sheet.row({ ...decisions, [question]: options[answer]?.answer as Answer });
        const cell = this.fromSheet ? this.sheetCell(row, here) : this.kernelCell(question, answer, row, here);
        return { ...cell, question, answer, here: answer === at, change: cell.value - base, name: this.sheet.name(row) };
      });
    });
  }

  /** The present value of a stop of the path, or of any architecture that is known. */
  valueOf(name: string): number {
    const row = this.sheet.ready ? this.sheet.rowOf(name) : -1;
    if (this.measured.sheet && row >= 0) return this.sheet.value(this.measured.name, row);
    return this.numbersOfMeasure?.path[name] ?? NaN;
  }

  /** Whether the value of an architecture is known, be it that there is none. */
  knows(name: string): boolean {
    return (this.measured.sheet && this.sheet.ready && this.sheet.rowOf(name) >= 0) || name in (this.numbersOfMeasure?.path ?? {});
  }

  private get present(): Present { return this.model.get("present") as Present; }

  private get row(): number { return this.sheet.ready ? this.sheet.rowOf(this.name) : -1; }

  private get decisions(): Decisions { return this.row >= 0 ? this.sheet.decisions(this.row) : this.present.decisions; }

  /** What the kernel has worked out of the measure chosen. */
  private get numbersOfMeasure(): Numbers | undefined {
    const numbers = this.model.get("numbers") as Numbers;
    return numbers.of !== undefined && numbers.measure === this.measured.name ? numbers : undefined;
  }

  /** ... and of the architecture that is open. */
  private get numbers(): Numbers | undefined {
    return this.numbersOfMeasure?.of === this.name ? this.numbersOfMeasure : undefined;
  }

  private sheetCell(row: number, here: number): Omit<Cell, "question" | "answer" | "here" | "change" | "name"> {
    const value = this.sheet.value(this.measured.name, row);
    return { known: true, makes: true, same: this.same(row, here), value, reason: Number.isNaN(value) ? "not recorded" : "" };
  }

  private kernelCell(question: string, answer: number, row: number, here: number): Omit<Cell, "question" | "answer" | "here" | "change" | "name"> {
    const cell = this.numbers?.cells[question]?.[answer];
    return {
      known: cell?.value !== undefined, makes: cell?.makes ?? true, same: cell?.same ?? this.same(row, here),
      value: cell?.value ?? NaN, reason: cell?.reason ?? "",
    };
  }

  private same(row: number, here: number): boolean {
    return this.sheet.value(FUNCTION, row) === this.sheet.value(FUNCTION, here);
  }
}
