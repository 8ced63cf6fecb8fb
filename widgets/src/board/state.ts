// What the kernel tells the board, and what every view can ask of it.

import { floats } from "../map/cloud";
import type { Model } from "../shared/model";

export type Form = "circle" | "diamond" | "square" | "triangle";
export interface Mark { name: string; colour: string; dark: string; form: Form }
export interface Column {
  name: string; kind: "proxy" | "baseline" | "truth"; lower: boolean; seconds: number | null; needs: string; cost: string;
}
export interface Row {
  name: string; baseline: boolean; values: (number | null)[]; lows: (number | null)[]; highs: (number | null)[];
  n: number; missing: number;
}
export interface Agreed {
  statistic: string; words: string; truth: string; made: number; wanted: number; done: boolean; ceiling: number | null; rows: Row[];
}
export interface SmallEdge {
  path: string; arrow: string; colour: string; dark: string; dashed: boolean; resting: boolean;
  label: string; size: number; x: number; y: number;
}
export interface SmallNode {
  x: number; y: number; width: number; height: number; role: string; colour: string; dark: string; live: boolean;
  label: string; size: number;
}
export interface Small { width: number; height: number; edges: SmallEdge[]; nodes: SmallNode[] }
export interface Card { index: number; text: string; ranks: [string, number | null][]; among: number; drawing: Small | null }

/** What a view can do beyond itself. */
export interface Links {
  /** Makes columns the scatter's x and y; an empty name leaves that axis as it is. */
  choose(x: string, y?: string): void;
  flip(name: string): void;
  set(name: "truth" | "statistic", value: string): void;
  click(row: number): void;
  look(row: number): void;
  say(sentence: string): void;
  guard<A extends unknown[]>(work: (...args: A) => void): (...args: A) => void;
}

/** The state as the views read it: looked up once for each time they are drawn. */
export class State {
  readonly agreed: Agreed;
  readonly columns: Column[];
  readonly marks: Mark[];
  readonly primary: number;
  readonly chosen: [string, string];
  readonly flipped: Set<string>;
  readonly inside: { n?: number; values?: Record<string, number | null> };
  readonly cards: Card[];
  readonly correlations: Float32Array;

  constructor(model: Model) {
    this.agreed = model.get("agreed") as Agreed;
    this.columns = model.get("columns") as Column[];
    this.marks = model.get("truths") as Mark[];
    this.primary = this.marks.findIndex((mark) => mark.name === this.agreed.truth);
    this.chosen = model.get("chosen") as [string, string];
    this.flipped = new Set(model.get("flipped") as string[]);
    this.inside = model.get("inside") as State["inside"];
    this.cards = model.get("cards") as Card[];
    this.correlations = floats(model.get("matrix"));
  }

  get mark(): Mark { return this.marks[this.primary] as Mark; }

  /** Rows from the strongest to the weakest; those without a value come last. */
  get sorted(): Row[] {
    return [...this.agreed.rows].sort((a, b) => (this.value(b) ?? -Infinity) - (this.value(a) ?? -Infinity));
  }

  get proxies(): Row[] {
    const rows = this.sorted.filter((row) => !row.baseline);
    return rows.length ? rows : this.sorted;
  }

  /** The free baselines that have a value, the strongest first. */
  get baselines(): { name: string; value: number }[] {
    return this.sorted.flatMap((row) => {
      const value = this.value(row);
      return row.baseline && value !== null ? [{ name: row.name, value }] : [];
    });
  }

  value(row: Row): number | null { return row.values[this.primary] ?? null; }
  within(name: string): number | null { return this.inside.values?.[name] ?? null; }
  column(name: string): Column { return this.columns.find((column) => column.name === name) as Column; }

  correlation(a: string, b: string): number {
    const at = (name: string) => this.columns.findIndex((column) => column.name === name);
    return this.correlations[at(a) * this.columns.length + at(b)] ?? NaN;
  }
}

/** A number of agreement as a person reads it. */
export function figure(value: number | null | undefined, digits = 3): string {
  return value === null || value === undefined || Number.isNaN(value) ? "–" : value.toFixed(digits).replace("-", "−");
}

/** Seconds with a unit that suits them. */
export function time(seconds: number | null): string {
  if (seconds === null) return "–";
  const [value, unit] = seconds < 1e-3 ? [seconds * 1e6, "µs"] : seconds < 1 ? [seconds * 1e3, "ms"] : [seconds, "s"];
  return `${Number(value.toPrecision(2)).toLocaleString("en-US")} ${unit}`;
}

export function plain(name: string): string { return name.replaceAll("_", " "); }
