// The front as the browser knows it: its points, what the limits leave of it, and what the weights pick from that.

import { copied } from "../shared/names";
import { rowsIn } from "../shared/link";
import type { Model } from "../shared/model";

export interface Objective {
  name: string; label: string; factor: number; home: [number, number]; whole: [number, number]; better: "higher" | "lower";
}
export type How = "weights" | "knee" | "hand";
export interface Choice { row: number; how: How }

const AUGMENTATION = 0.001; // as in workbench/studies/fronts.py

export class Front {
  readonly objectives: Objective[];
  readonly columns: Float32Array[]; // of every row of the table
  readonly rows: Uint32Array; // of the front
  readonly values: Float64Array[]; // of the front, by objective
  readonly place: Map<number, number>; // row of the table -> number on the front
  private readonly loss: Float64Array[];

  constructor(model: Model) {
    this.objectives = model.get("objectives") as Objective[];
    const k = this.objectives.length;
    const points = new Float32Array(copied(model.get("points")));
    const n = points.length / k;
    this.columns = this.objectives.map((_, i) => points.subarray(i * n, (i + 1) * n));
    this.rows = rowsIn(model.get("front_rows"));
    const flat = new Float64Array(copied(model.get("front_values")));
    this.values = this.objectives.map((_, i) => Float64Array.from(this.rows, (_, m) => flat[m * k + i] as number));
    this.place = new Map([...this.rows].map((row, m) => [row, m]));
    this.loss = this.values.map((column, i) => scaled(column, this.sign(i)));
  }

  sign(objective: number): 1 | -1 { return this.objectives[objective]?.better === "higher" ? 1 : -1; }

  /** How far a member of the front is from the front's best in an objective, 0, on the way to its worst, 1. */
  lost(member: number, objective: number): number { return this.loss[objective]?.[member] ?? NaN; }

  /** Which members meet the limits. */
  allowed(limits: (number | null)[]): boolean[] {
    return Array.from(this.rows, (_, m) => limits.every((limit, i) =>
      limit === null || this.sign(i) * (this.values[i]?.[m] as number) >= this.sign(i) * limit));
  }

  /** The allowed member nearest the ideal by the augmented weighted Chebyshev distance, or -1. */
  nearest(weights: number[], allowed: boolean[]): number {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const shares = weights.map((weight) => (total > 0 ? weight / total : 1 / weights.length));
    let best = -1;
    let least = Infinity;
    for (let m = 0; m < this.rows.length; m++) {
      if (!allowed[m]) continue;
      const parts = shares.map((share, i) => share * this.lost(m, i));
      const distance = Math.max(...parts) + AUGMENTATION * parts.reduce((sum, part) => sum + part);
      if (distance < least) [best, least] = [m, distance];
    }
    return best;
  }

  /** What stays picked, or is, under these weights and limits. */
  pick(weights: number[], allowed: boolean[], kept?: Choice): Choice {
    const member = kept && kept.how !== "weights" ? this.place.get(kept.row) : undefined;
    if (kept && member !== undefined && allowed[member]) return kept;
    const best = this.nearest(weights, allowed);
    return { row: best < 0 ? -1 : this.rows[best] as number, how: "weights" };
  }

  /** The different values of an objective on the front, the worst first. */
  steps(objective: number): number[] {
    const sign = this.sign(objective);
    return [...new Set(this.values[objective])].sort((a, b) => sign * (a - b));
  }
}

function scaled(column: Float64Array, sign: number): Float64Array {
  const worse = column.map((value) => -value * sign);
  const least = worse.reduce((a, b) => Math.min(a, b), Infinity);
  const span = worse.reduce((a, b) => Math.max(a, b), -Infinity) - least;
  return worse.map((value) => (span > 0 ? (value - least) / span : 0));
}

/** A value of an objective as a person reads it. */
export function said(value: number, { factor }: Objective): string {
  const shown = value / factor;
  return Number.isFinite(shown) ? Number(shown.toPrecision(4)).toLocaleString("en-US", { maximumFractionDigits: 8 }) : "no number";
}

export function asks({ label, better }: Objective): string {
  return `${label}, ${better} is better`;
}
