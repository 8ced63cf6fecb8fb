// The trials a monitor has heard of: appended as they come, with what is counted and drawn of them.

import type { Model } from "../shared/model";

/** [study, trial, state, values, began, seconds, architecture, answers, parent, operator, repeats, reason, other parent] */
export type Row = [
  number, number, "c" | "i" | "f" | "p" | "x", number[] | null, number, number, string | null, number[] | null,
  number | null, string, boolean | null, string, number | null,
];
export interface Objective { name: string; label: string; sign: 1 | -1; optimum: number | null }
export interface Question { name: string; answers: [label: string, colour: string, dark: string, dashed: boolean][] }
export interface Reference { name: string; at: number[]; middle: number[]; low: number[]; high: number[] }
export interface Phase { name: string; words: string; orders: string[]; goal: number | null }
export interface Status {
  stamp: number; studies: Phase[]; current: { study: number; trial: number; name: string | null }[];
  pins: [string, number][]; forbidden: [string, number][]; message: string;
  /** By objective; empty where nothing is weighed. The last weight that was asked for, and why it was refused. */
  weights?: number[]; weighed: { asked: string; refused: string };
}

export const STATE: Record<Row[2], string> = {
  c: "", i: "over a bound", f: "failed", p: "pruned", x: "not measured",
};

export class Trials {
  /** Row -> 1 for a study's first measured trial, 0 for one that was never measured. */
  at: number[] = [];
  /** Study -> best value after 1, 2, ... trials; NaN before the first. */
  best: number[][] = [];
  /** Study -> the row of its best trial, -1 without one. */
  champion: number[] = [];
  counts = { measured: 0, failed: 0, over: 0, unmeasured: 0, known: 0, fresh: 0 };
  private byNumber = new Map<string, number>();
  private byName = new Map<string, number>();
  private taken = 0;

  constructor(private readonly model: Model, readonly objectives: Objective[], readonly studies: number) {
    this.reset();
  }

  get rows(): Row[] { return this.model.get("trials") as Row[]; }
  get size(): number { return this.taken; }

  reset(): void {
    this.at = [];
    this.best = Array.from({ length: this.studies }, () => []);
    this.champion = Array.from({ length: this.studies }, () => -1);
    this.counts = { measured: 0, failed: 0, over: 0, unmeasured: 0, known: 0, fresh: 0 };
    this.byNumber.clear();
    this.byName.clear();
    this.taken = 0;
    this.take();
  }

  /** Takes in the rows that have come since the last time. */
  take(): void {
    const { rows } = this;
    for (; this.taken < rows.length; this.taken++) this.add(rows[this.taken] as Row, this.taken);
  }

  private add(row: Row, i: number): void {
    const [study, number, state, values, , , name, , , , repeats] = row;
    const { counts } = this;
    this.byNumber.set(`${study}:${number}`, i);
    if (name !== null && !this.byName.has(name)) this.byName.set(name, i);
    if (state === "x") {
      counts.unmeasured++;
      this.at.push(0);
      return;
    }
    counts.measured++;
    if (state === "f") counts.failed++;
    if (state === "i") counts.over++;
    if (repeats !== null) {
      counts.known++;
      if (!repeats) counts.fresh++;
    }
    const curve = this.best[study] as number[];
    const before = curve.at(-1) ?? NaN;
    const value = state === "c" && values !== null ? (values[0] as number) : NaN;
    const sign = this.objectives[0]?.sign ?? 1;
    const better = !Number.isNaN(value) && !(sign * value <= sign * before);
    if (better) this.champion[study] = i;
    curve.push(better ? value : before);
    this.at.push(curve.length);
  }

  row(i: number): Row | undefined { return this.rows[i]; }
  find(study: number, number: number): number { return this.byNumber.get(`${study}:${number}`) ?? -1; }
  named(name: string): number { return this.byName.get(name) ?? -1; }

  /** The best row of all studies. */
  get top(): number {
    const sign = this.objectives[0]?.sign ?? 1;
    const value = (i: number) => sign * (this.rows[i]?.[3]?.[0] ?? -Infinity);
    return this.champion.filter((i) => i >= 0).reduce((a, b) => (a >= 0 && value(a) >= value(b) ? a : b), -1);
  }

  /** A trial and its ancestors, the oldest first. */
  line(i: number): number[] {
    const line: number[] = [];
    while (i >= 0 && !line.includes(i)) {
      line.unshift(i);
      const row = this.rows[i];
      i = row === undefined || row[8] === null ? -1 : this.find(row[0], row[8]);
    }
    return line;
  }

  /** The rows that no other one beats, by the first objective. */
  front(): number[] {
    const signs = this.objectives.map((objective) => objective.sign);
    const up = (i: number) => (this.rows[i]?.[3] ?? []).map((value, k) => value * (signs[k] as number));
    const good = this.rows.flatMap((row, i) => (i < this.taken && row[2] === "c" && row[3] !== null ? [{ i, up: up(i) }] : []));
    good.sort((a, b) => { // lexicographic, so that nothing is beaten by what comes after it
      const k = a.up.findIndex((value, j) => value !== b.up[j]);
      return k < 0 ? a.i - b.i : (b.up[k] as number) - (a.up[k] as number);
    });
    const kept: typeof good = [];
    for (const one of good) {
      if (!kept.some((other) => other.up.every((value, k) => value >= (one.up[k] as number)))) kept.push(one);
    }
    return kept.map((one) => one.i);
  }

  /** First quartile, median and third quartile over the studies, for each number of trials. */
  quartiles(): [number[], number[], number[]] {
    const length = Math.max(0, ...this.best.map((curve) => curve.length));
    const found: [number[], number[], number[]] = [[], [], []];
    for (let t = 0; t < length; t++) {
      const values = this.best.map((curve) => curve[t] ?? NaN).filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
      [0.25, 0.5, 0.75].forEach((q, k) => found[k]?.push(quantile(values, q)));
    }
    return found;
  }
}

/** The quantile of sorted numbers, in between two of them by interpolation; NaN of none. */
export function quantile(sorted: number[], q: number): number {
  const place = (sorted.length - 1) * q;
  const low = sorted[Math.floor(place)] ?? NaN;
  return low + (place - Math.floor(place)) * ((sorted[Math.ceil(place)] ?? NaN) - low);
}

/** A value as a person reads it. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const digits = Math.abs(value) >= 1e6 || (value !== 0 && Math.abs(value) < 1e-4) ? 4 : undefined;
  return digits ? value.toExponential(2) : Number(value.toPrecision(5)).toLocaleString("en-US", { maximumFractionDigits: 6 });
}

/** Seconds in the unit that suits them. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Number((seconds * 1000).toPrecision(2))} ms`;
  if (seconds < 100) return `${Number(seconds.toPrecision(2))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${(seconds / 3600).toFixed(1)} h`;
}
