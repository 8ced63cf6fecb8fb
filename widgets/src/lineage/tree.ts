// The family tree of trials: who was made from whom, who was better than all before, and where each one comes from.

import { type Row, type Trials } from "../monitor/trials";

export class Tree {
  /** Row -> the row of its first and of its second parent, -1 without one. */
  readonly parent: number[] = [];
  readonly other: number[] = [];
  readonly generation: number[] = [];
  readonly children: number[][] = [];
  /** Operators in the order of their appearance, "" for none, with how many trials each has made; row -> its operator. */
  readonly operators: string[] = [];
  readonly made: number[] = [];
  readonly kind: number[] = [];
  /** The rows that were better than all before, or are on the front of several objectives. */
  incumbents: number[] = [];
  /** The rows from which an incumbent comes, itself too. */
  line = new Set<number>();
  private best = NaN;

  constructor(private readonly trials: Trials) {}

  get size(): number { return this.parent.length; }

  /** Takes in the trials that have come since the last time; true where there were any. */
  take(): boolean {
    const { trials } = this;
    if (this.size > trials.size) this.reset();
    const before = this.size;
    for (let i = before; i < trials.size; i++) this.add(trials.row(i) as Row, i);
    if (this.size === before) return false;
    if (trials.objectives.length > 1) this.incumbents = trials.front();
    this.line = new Set(this.incumbents.flatMap((i) => this.ancestors(i)));
    return true;
  }

  /** A row and its first parents, the youngest first. */
  ancestors(i: number): number[] {
    const found: number[] = [];
    for (; i >= 0; i = this.parent[i] ?? -1) found.push(i);
    return found;
  }

  /** How many trials come from a row, and the best of them, -1 without one. */
  descendants(i: number): [count: number, best: number] {
    const waiting = [...(this.children[i] ?? [])];
    let [count, best] = [0, -1];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      count++;
      if (this.value(at) > (best < 0 ? -Infinity : this.value(best))) best = at;
      waiting.push(...(this.children[at] ?? []));
    }
    return [count, best];
  }

  /** The first objective upwards, what is over a bound or has no value last. */
  value(i: number): number {
    const row = this.trials.row(i);
    return row?.[2] === "c" && row[3] ? (row[3][0] as number) * (this.trials.objectives[0]?.sign ?? 1) : -Infinity;
  }

  private reset(): void {
    for (const list of [this.parent, this.other, this.generation, this.children, this.operators, this.made, this.kind]) list.length = 0;
    this.incumbents = [];
    this.best = NaN;
  }

  private add(row: Row, i: number): void {
    const found = (number: number | null) => (number === null ? -1 : this.trials.find(row[0], number));
    const parent = found(row[8]);
    this.parent.push(parent);
    this.other.push(found(row[12]));
    this.generation.push(parent < 0 ? 0 : (this.generation[parent] as number) + 1);
    this.children.push([]);
    if (parent >= 0) this.children[parent]?.push(i);
    let kind = this.operators.indexOf(row[9]);
    if (kind < 0) kind = this.operators.push(row[9]) - 1;
    this.made[kind] = (this.made[kind] ?? 0) + 1;
    this.kind.push(kind);
    const value = this.value(i);
    if (value > -Infinity && !(value <= this.best)) {
      this.best = value;
      this.incumbents.push(i);
    }
  }
}
