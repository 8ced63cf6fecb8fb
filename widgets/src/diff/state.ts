// What is compared, as the kernel says it: places shared by all drawings, who sits where, numbers and their differences.

import type { Model } from "../shared/model";

export interface NodePlace { x: number; y: number; width: number; height: number; role: string; label: string; name: string }
export interface EdgePlace { path: string; arrow: string; x: number; y: number }
/** For each place the number of what an architecture has there, -1 for nothing. */
export interface Seats { nodes: number[]; edges: number[] }
export interface Layout { width: number; height: number; growth: number; nodes: NodePlace[]; edges: EdgePlace[] }
export interface SharedLayout extends Layout { seats: Record<string, Seats> }
export interface Look {
  op: string; label: string; colour: string; dark: string; dashed: boolean; width: number; zero: boolean; live: boolean;
}

export interface Row { label: string; unit: string; better: string; more: boolean }
export interface Figure { text: string; note: string; spread: string }
export interface Difference { text: string; words: string; tone: string }
export interface Card { title: string; numbers: Figure[] }
export interface Pair { cost: number; exact: boolean; words: string[]; differences: Difference[] }

export interface Comparison {
  rows: Row[]; cards: Record<string, Card>; pairs: Record<string, Record<string, Pair>>;
  layouts: SharedLayout[]; layout_of: Record<string, number>; looks: Look[]; footnote?: string;
}

export type Status = "plain" | "kept" | "changed" | "added" | "removed";

/** What became of a place; undefined where neither has anything. Without an `other` all is plain. */
export function status(seat: number, other: number | undefined, looks: Look[]): Status | undefined {
  if (other === undefined) return seat < 0 ? undefined : "plain";
  if (seat < 0) return other < 0 ? undefined : "removed";
  if (other < 0) return "added";
  return looks[seat]?.op === looks[other]?.op ? "kept" : "changed";
}

/** How far an architecture is from the reference called `title`. */
export function edits({ cost, exact }: Pair, title: string): string {
  return `${exact ? "" : "at most "}${cost} edit${cost === 1 ? "" : "s"} from ${title}`;
}

/** The model's part that both halves change: what is compared, in which order, with which as the reference. */
export class Tray {
  constructor(private readonly model: Model) {}

  get order(): string[] { return this.model.get("order") as string[]; }
  get reference(): string { return String(this.model.get("reference")); }
  get comparison(): Comparison { return this.model.get("comparison") as Comparison; }
  get most(): number { return Number(this.model.get("most")); }

  keep(order: string[], reference = this.reference): void {
    this.model.set("order", order);
    const kept = order.includes(reference) ? reference : order.find((name) => name in this.comparison.cards) ?? "";
    if (kept !== this.reference) this.model.set("reference", kept);
    this.model.save_changes();
  }
}
