// A change in words and in colour: what the matrix shows of a number.

import { fixed, quantity } from "../shared/facts";

/** What a neighbourhood can be coloured by; `sheet` says that the sheet has it of every architecture. */
export interface Measured { name: string; words: string; better: string; unit: string; sheet: boolean }

const FULL = 0.9; // share of the changes that are paler than the darkest colour: one disaster must not pale the others

/** The change that has the darkest colour. */
export function scaleOf(changes: number[]): number {
  const sizes = changes.filter(Number.isFinite).map(Math.abs).sort((a, b) => a - b);
  return sizes[Math.trunc(FULL * (sizes.length - 1))] || sizes[sizes.length - 1] || 0;
}

/** A number: percentages with two decimals, others with three digits. */
export function writtenValue(value: number, unit: string): string {
  return Number.isNaN(value) ? "–" : unit === "%" ? fixed(value, 2) : quantity(value);
}

/** A change with its sign. */
export function writtenChange(change: number, unit: string): string {
  return (change > 0 ? "+" : change < 0 ? "−" : "") + writtenValue(Math.abs(change), unit);
}

/** The unit in words: a change in percent is one of percentage points. */
export function unitOf({ unit }: Measured): string {
  return unit === "%" ? "percentage points" : unit;
}
