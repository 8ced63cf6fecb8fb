// What the editor knows: the drawing and palette as the kernel sends them, and the history of decisions.

import type { Answer } from "../shared/model";
import type { Folding } from "./folds";

export type Decisions = Record<string, Answer>;

export interface NodeMark {
  name: string; x: number; y: number; width: number; height: number;
  label: string; role: string; op: string; question: string; questions: string[]; colour: string; dark: string; live: boolean;
  fold?: string; // the repeated block that this node stands for, folded
}

export interface EdgeMark {
  source: string; target: string; path: string; arrow: string;
  label_x: number; label_y: number; label_width: number; label: string;
  op: string; question: string; colour: string; dark: string; dashed: boolean; zero: boolean; live: boolean;
}

export interface Drawing {
  width: number; height: number; nodes: NodeMark[]; edges: EdgeMark[];
  decisions: Decisions; revision: number; refused: boolean;
  folds?: Folding | undefined;
  stale?: "" | "pending" | "cancelled" | undefined; // the nodes and edges are an earlier graph's while this one is laid out
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

/** What is answered in the drawing: an edge or a node that asks at least one question, and is no folded block. */
export function marksOf(drawing: Drawing): (EdgeMark | NodeMark)[] {
  return [...drawing.edges, ...drawing.nodes].filter((mark) => questionsOf(mark).length > 0 && !("fold" in mark && mark.fold));
}

/** The questions that are answered on the same edge or node as `question`. */
export function besides(drawing: Drawing, question: string): string[] {
  return marksOf(drawing).map(questionsOf).find((questions) => questions.includes(question)) ?? [question];
}

/**
 * The drawing as it will look with other decisions, shown until the kernel has said so; `whole` is false where an answer
 * does more than name an operation, so that only the kernel can draw it.
 */
export function foreseen(drawing: Drawing, decisions: Decisions, palette: Palette): { drawing: Drawing; whole: boolean } {
  const names = [...new Set([...Object.keys(drawing.decisions), ...Object.keys(decisions)])];
  const changed = names.filter((name) => drawing.decisions[name] !== decisions[name]);
  const looks = new Map<string, Option>();
  const marks = new Map(marksOf(drawing).flatMap((mark) => questionsOf(mark).map((question) => [question, mark])));
  for (const question of changed) {
    const mark = marks.get(question);
    const option = palette[question]?.find((one) => one.answer === decisions[question]);
    // A mark shows an answer where its operation is the answer; another one may be made of several, or change the graph.
    const shown = mark && questionsOf(mark).length === 1 && mark.op === drawing.decisions[question];
    if (shown && option && typeof option.answer === "string") looks.set(question, option);
  }
  const edges = drawing.edges.map((edge) => {
    const option = looks.get(edge.question);
    if (!option) return edge;
    return { ...edge, ...look(option), dashed: option.dashed, zero: option.dashed, label_width: option.width, live: true };
  });
  const nodes = drawing.nodes.map((node) => {
    const option = node.questions.length === 1 ? looks.get(node.questions[0] as string) : undefined;
    return option ? { ...node, ...look(option) } : node;
  });
  const whole = looks.size === changed.length;
  const shown = [...looks.keys()].map((question) => [question, decisions[question] as Answer]);
  const next = { ...drawing, nodes, edges, decisions: whole ? decisions : { ...drawing.decisions, ...Object.fromEntries(shown) } };
  return { drawing: flowsAsDrawn(drawing) ? withFlow(next) : next, whole };
}

function look({ answer, label, colour, dark }: Option) {
  return { op: String(answer), label, colour, dark };
}

/** What something flows through: edges that are not zero, and nodes on a path of them from an input to an output. */
function flow({ nodes, edges }: Drawing): { node(mark: NodeMark): boolean; edge(mark: EdgeMark): boolean } {
  const passing = edges.filter((edge) => !edge.zero);
  const ends = (role: string) => nodes.filter((node) => node.role === role).map((node) => node.name);
  const reached = spread(ends("input"), passing.map(({ source, target }) => [source, target]));
  const reaching = spread(ends("output"), passing.map(({ source, target }) => [target, source]));
  const kept = new Set(nodes.filter(({ name, role }) =>
    role === "input" || role === "output" || (reached.has(name) && reaching.has(name))).map((node) => node.name));
  return {
    node: (mark) => kept.has(mark.name),
    edge: (mark) => !mark.zero && kept.has(mark.source) && kept.has(mark.target),
  };
}

function spread(from: string[], steps: [string, string][]): Set<string> {
  const after = new Map<string, string[]>();
  for (const [a, b] of steps) after.set(a, [...(after.get(a) ?? []), b]);
  const found = new Set(from);
  for (const name of found) for (const next of after.get(name) ?? []) found.add(next); // a Set grows while it is walked
  return found;
}

function withFlow(drawing: Drawing): Drawing {
  const alive = flow(drawing);
  return {
    ...drawing,
    nodes: drawing.nodes.map((node) => (node.live === alive.node(node) ? node : { ...node, live: !node.live })),
    edges: drawing.edges.map((edge) => (edge.live === alive.edge(edge) ? edge : { ...edge, live: !edge.live })),
  };
}

/** Whether the kernel's own word on what is alive follows from the drawing: a space may have a rule of its own. */
function flowsAsDrawn(drawing: Drawing): boolean {
  const alive = flow(drawing);
  return drawing.nodes.every((node) => node.live === alive.node(node)) && drawing.edges.every((edge) => edge.live === alive.edge(edge));
}
