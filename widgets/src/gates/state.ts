// What a training has said so far: curves, what the options of the gates are worth after each epoch, and what won.

import type { Model } from "../shared/model";
import { copied } from "../shared/names";

export type Option = [label: string, colour: string, dark: string];
export interface Gate { name: string; options: Option[] }
/** An edge's number among the gates is -1 where its gate has one option only. */
export type Edge = [path: string, x: number, y: number, name: string, gate: number, fixed: Option];
export type Spot = [x: number, y: number, width: number, height: number, label: string, role: string];
export interface Cell { title: string; width: number; height: number; nodes: Spot[]; edges: Edge[] }
export interface Status { phase: string; words: string; goal: number; heard: number }
export interface Cost { label: string; limit: number | null }
type Values = (number | null)[];

export class Records {
  gates: Gate[] = [];
  epochs = 0;
  curves: Record<string, Values> = {};
  said = "";
  private flow = new Float32Array();
  private starts: number[] = [];
  private width = 0;
  private best: [since: number, name: string][] = [];

  constructor(private readonly model: Model) {
    this.take();
  }

  take(): void {
    const { model } = this;
    this.gates = model.get("gates") as Gate[];
    this.curves = model.get("curves") as Record<string, Values>;
    this.best = model.get("best") as [number, string][];
    this.said = String(model.get("said"));
    this.width = 0;
    this.starts = this.gates.map((gate) => (this.width += gate.options.length) - gate.options.length);
    const bytes = copied(model.get("flow"));
    this.flow = new Float32Array(bytes.slice(0, bytes.byteLength - bytes.byteLength % 4));
    this.epochs = (this.curves["loss"] ?? []).length;
  }

  /** What the options of a gate are worth after an epoch, from 0; nothing where that is not known. */
  worth(gate: number, epoch: number): number[] | undefined {
    const start = epoch * this.width + (this.starts[gate] ?? 0);
    const found = [...this.flow.subarray(start, start + (this.gates[gate]?.options.length ?? 0))];
    return found.length && found.every((one) => !Number.isNaN(one)) ? found : undefined;
  }

  /** Whether anything is known of the gates. */
  get known(): boolean {
    return this.gates.length > 0 && this.flow.some((one) => !Number.isNaN(one));
  }

  largest(worth: number[]): number {
    return worth.indexOf(Math.max(...worth));
  }

  /** The architecture of the largest options after an epoch; "" where they make none. */
  name(epoch: number): string {
    return this.best.filter(([since]) => since <= epoch).at(-1)?.[1] ?? "";
  }

  /** The options of a gate after an epoch with what they are worth, the largest first. */
  words(gate: number, epoch: number): string {
    const worth = this.worth(gate, epoch);
    const one = this.gates[gate];
    if (!one || !worth) return "not known";
    return worth.map((value, k) => [value, (one.options[k] as Option)[0]] as const).sort((a, b) => b[0] - a[0])
      .map(([value, label]) => `${label} ${percent(value)}`).join(", ");
  }
}

export function percent(value: number): string {
  const shown = 100 * value;
  return `${shown > 0 && shown < 1 ? "<1" : Math.round(shown)} %`;
}

/** A label without the words that its colour says. */
export function short(label: string): string {
  return label.replace("conv ", "").replace(/ pool$/, "") || label;
}
