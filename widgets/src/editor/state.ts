// What the editor knows: the drawing and palette as the kernel sends them, and the history of decisions.

import type { Answer } from "../shared/model";

export type Decisions = Record<string, Answer>;

export interface NodeMark {
  name: string; x: number; y: number; width: number; height: number;
  label: string; role: string; op: string; question: string; questions: string[]; colour: string; dark: string; live: boolean;
}

export interface EdgeMark {
  source: string; target: string; path: string; arrow: string;
  label_x: number; label_y: number; label_width: number; label: string;
  op: string; question: string; colour: string; dark: string; dashed: boolean; zero: boolean; live: boolean;
}

export interface Drawing {
  width: number; height: number; nodes: NodeMark[]; edges: EdgeMark[];
  decisions: Decisions; revision: number; refused: boolean;
}

export interface Option { answer: Answer; label: string; colour: string; dark: string; dashed: boolean; width: number }

export type Palette = Record<string, Option[]>;

export interface Fact { value: string; label: string; note: string; spread: string }

/** The questions that an edge or a node answers: a node's operation may be made of several. */
export function questionsOf(mark: EdgeMark | NodeMark): string[] {
  if ("questions" in mark) return mark.questions;
  return mark.question === "" ? [] : [mark.question];
}

export function same(a: Decisions, b: Decisions): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && a[name] === b[name]);
}

/** Decisions with undo and redo. */
export class History {
  private past: Decisions[] = [];
  private future: Decisions[] = [];

  constructor(public present: Decisions) {}

  get edits(): number { return this.past.length; }
  get canUndo(): boolean { return this.past.length > 0; }
  get canRedo(): boolean { return this.future.length > 0; }

  push(next: Decisions): void {
    if (same(next, this.present)) return;
    this.past.push(this.present);
    this.present = next;
    this.future = [];
  }

  undo(): Decisions | undefined {
    const last = this.past.pop();
    if (last === undefined) return undefined;
    this.future.unshift(this.present);
    return (this.present = last);
  }

  redo(): Decisions | undefined {
    const next = this.future.shift();
    if (next === undefined) return undefined;
    this.past.push(this.present);
    return (this.present = next);
  }

  /** Takes back what the kernel refused: it never was. */
  refuse(kept: Decisions): void {
    while (this.past.length > 0 && !same(this.present, kept)) this.present = this.past.pop() as Decisions;
    this.present = kept;
    this.future = [];
  }
}

/** The drawing as it will look with the answer, shown until the kernel has said so. */
export function foreseen(drawing: Drawing, question: string, option: Option): Drawing {
  const look = { op: String(option.answer), label: option.label, colour: option.colour, dark: option.dark };
  return {
    ...drawing,
    edges: drawing.edges.map((edge) => edge.question === question
      ? { ...edge, ...look, dashed: option.dashed, zero: option.dashed, label_width: option.width, live: true }
      : edge),
    nodes: drawing.nodes.map((node) => (node.question === question ? { ...node, ...look } : node)),
  };
}
