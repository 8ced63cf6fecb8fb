// A run's stages as the kernel tells them, and how their states, times and reasons are put in words.

import { html } from "../shared/dom";
import type { Model } from "../shared/model";

export interface Stage {
  name: string; base: string; matrix: Record<string, string>; needs: string[]; state: string; seconds: number;
  why: string; error: string; file: string; attempt: number;
}
export interface Node { id: string; stages: string[]; needs: string[]; axes: [string, string[]][]; x: number; y: number; w: number; h: number }
interface Line { from: string; to: string; path: string; head: string }
export interface Graph { nodes: Node[]; lines: Line[]; width: number; height: number }
export interface Head {
  pipeline: string; title: string; state: string; words: string; started: string; updated: string; folder: string; report: string;
  parameters: [string, string][]; counts: Record<string, number>;
}
/** Of a stage at work: the cell, how many there are, and seconds. */
type At = [cell: number, of: number, seconds: number];
interface Failure { cell?: string; source?: string; error?: string; traceback?: string }
export interface Detail {
  state: string; folder?: string; notebook?: string; finished?: string; parameters?: [string, string][]; files?: [string, number][];
  more_files?: number; failure?: Failure; log?: string[]; log_cut?: boolean;
}

/** What needs looking at comes first: a folded node is shown in the first state that one of its stages has. */
const ATTENTION = ["failed", "running", "stopped", "waiting", "skipped", "done", "kept", "left out"];
const FIRST = "no result yet"; // why a stage runs that never did, which needs no words once it does
const FINISHED = new Set(["done", "kept", "left out"]);

export class Run {
  private byName = new Map<string, Stage>();

  constructor(private readonly model: Model) {}

  /** Takes in what the kernel has said. */
  take(): void {
    this.byName = new Map(this.stages.map((stage) => [stage.name, stage]));
  }

  get head(): Head { return this.model.get("head") as Head; }
  get stages(): Stage[] { return this.model.get("stages") as Stage[]; }
  get graph(): Graph { return this.model.get("graph") as Graph; }
  get seconds(): number { return (this.model.get("progress") as { seconds: number }).seconds; }
  get planned(): boolean { return this.head.state === "planned"; }
  get going(): boolean { return this.head.state === "running"; }

  stage(name: string): Stage | undefined { return this.byName.get(name); }

  at(name: string): At | undefined {
    return own((this.model.get("progress") as { cells: Record<string, At> }).cells, name);
  }

  detail(name: string): Detail | undefined {
    return own(this.model.get("details") as Record<string, Detail>, name);
  }

  members(node: Node): Stage[] {
    return node.stages.map((name) => this.byName.get(name)).filter((stage) => stage !== undefined);
  }

  /** How much of a stage is done, from 0 to 1. */
  share(stage: Stage): number {
    const [cell, of] = this.at(stage.name) ?? [0, 0];
    if (stage.state !== "running") return FINISHED.has(stage.state) ? 1 : 0;
    return of ? Math.max(0, cell - 1) / of : 0;
  }

  get finished(): number { return this.stages.filter((stage) => FINISHED.has(stage.state)).length; }

  /** The state in words, without its reason. */
  words(stage: Stage): string {
    const [cell, of] = this.at(stage.name) ?? [0, 0];
    if (stage.state === "running") return of ? `cell ${cell} of ${of}` : "starting";
    if (this.planned) return stage.state === "waiting" ? "would run" : stage.state === "kept" ? "would be kept" : stage.state;
    return stage.state + (stage.attempt > 1 ? `, attempt ${stage.attempt}` : "");
  }

  /** Why it is in this state. */
  reason(stage: Stage): string {
    if (stage.error) return stage.error;
    if (stage.state === "waiting" && !this.planned) {
      const open = stage.needs.filter((need) => !FINISHED.has(this.stage(need)?.state ?? ""));
      return open.length ? `for ${this.listed(open)}` : "for a free core";
    }
    if (stage.state === "done" || stage.state === "running") return stage.why && stage.why !== FIRST ? `because ${stage.why}` : "";
    if (stage.why) return stage.why;
    return stage.state === "kept" ? "nothing it depends on has changed" : "";
  }

  /** Stages by name; several of one matrix by how many they are. */
  private listed(names: string[]): string {
    const bases = new Map<string, string[]>();
    for (const name of names) {
      const base = this.stage(name)?.base ?? name;
      bases.set(base, [...(bases.get(base) ?? []), name]);
    }
    return [...bases].map(([base, ones]) => (ones.length > 1 ? `${ones.length} of ${base}` : ones[0])).join(", ");
  }

  time(stage: Stage): string {
    const seconds = this.at(stage.name)?.[2] ?? stage.seconds;
    return seconds > 0 || stage.state === "done" ? clock(seconds) : "";
  }

  /** All there is to say of a stage in one sentence. */
  sentence(stage: Stage): string {
    return [`${stage.name}: ${this.words(stage)}`, this.time(stage), this.reason(stage)].filter(Boolean).join(", ");
  }

  /** Which of a node's states needs looking at first, and how many stages are in each. */
  worst(stages: Stage[]): string {
    return ATTENTION.find((state) => stages.some((stage) => stage.state === state)) ?? "waiting";
  }

  counts(stages: Stage[]): string {
    const found = new Map<string, number>();
    for (const stage of stages) found.set(stage.state, (found.get(stage.state) ?? 0) + 1);
    const said = (state: string) => (this.planned && state === "waiting" ? "would run" : state);
    return ATTENTION.filter((state) => found.has(state)).map((state) => `${found.get(state)} ${said(state)}`).join(" · ");
  }

  /** How far a node's stages are, in few words. */
  brief(stages: Stage[]): string {
    if (this.planned) return this.counts(stages);
    const of = (state: string) => stages.filter((stage) => stage.state === state).length;
    const done = stages.filter((stage) => FINISHED.has(stage.state)).length;
    const worst = this.worst(stages);
    return `${done} of ${stages.length} done` + (FINISHED.has(worst) || worst === "waiting" ? "" : ` · ${of(worst)} ${worst}`);
  }

  /** By what needs looking at first. */
  sorted(stages: Stage[]): Stage[] {
    const rank = (stage: Stage) => ATTENTION.indexOf(stage.state);
    return [...stages].sort((a, b) => rank(a) - rank(b));
  }
}

/** What an object holds by a name that somebody else chose, which may be one that every object knows. */
export function own<T>(record: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** A span of time as a person says it; its width changes rarely. */
export function clock(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours) return `${hours} h ${String(minutes).padStart(2, "0")} min`;
  return `${minutes} min ${String(Math.floor(seconds) % 60).padStart(2, "0")} s`;
}

/** The direction of an arrow key, none for any other. */
export function arrow(key: string): [dx: number, dy: number] {
  switch (key) {
    case "ArrowRight": return [1, 0];
    case "ArrowLeft": return [-1, 0];
    case "ArrowDown": return [0, 1];
    case "ArrowUp": return [0, -1];
    default: return [0, 0];
  }
}

export type Looks = Record<string, [colour: string, dark: string, sign: string]>;

/** The colour of a state, and an ink that is read on it, for either theme. */
export function paint(element: HTMLElement, looks: Looks, state: string): void {
  const [colour, dark] = looks[state] ?? ["#6b7682", "#9aa7b4", ""];
  element.style.setProperty("--dot", `light-dark(${colour}, ${dark})`);
  element.style.setProperty("--ink", `light-dark(${ink(colour)}, ${ink(dark)})`);
  element.dataset["state"] = state;
}

export function sign(looks: Looks, state: string): string {
  return looks[state]?.[2] ?? "";
}

/** A state's sign on its colour. */
export function badge(looks: Looks, state: string): HTMLElement {
  const found = html("span", { class: "wb-sign", "aria-hidden": "true" }, sign(looks, state));
  paint(found, looks, state);
  return found;
}

function ink(colour: string): string {
  const [r, g, b] = [1, 3, 5].map((i) => (parseInt(colour.slice(i, i + 2), 16) / 255) ** 2.2) as [number, number, number];
  const white = 1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05);
  return white >= 3 ? "#fff" : "#10161c";
}
