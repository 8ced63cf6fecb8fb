// Where the trials of a family tree stand: across by their number, up by an objective or by generation.

import { quantile, type Trials } from "../monitor/trials";
import type { Scene } from "./forest";
import type { Tree } from "./tree";

export const GENERATION = "generation";
const TAIL = 0.15; // share of the trials that may lie below the first view, on an objective's bad side

/** `up` is the name of an objective or "generation"; `goal` is how many trials there are to be, 0 if nobody knows. */
export function sceneOf(trials: Trials, tree: Tree, up: string, goal: number, whole: boolean): Scene {
  const k = trials.objectives.findIndex((objective) => objective.name === up);
  const objective = trials.objectives[k];
  const [x, y, hollow] = [new Float32Array(tree.size), new Float32Array(tree.size), new Uint8Array(tree.size)];
  let last = Math.max(1, goal - 1);
  for (let i = 0; i < tree.size; i++) {
    const row = trials.row(i);
    x[i] = row?.[1] ?? NaN;
    y[i] = objective ? row?.[3]?.[k] ?? NaN : tree.generation[i] as number;
    hollow[i] = +(row?.[2] !== "c");
    if (x[i]! > last) last = x[i]!;
  }
  const values = [...y].filter((value) => value === value).sort((a, b) => a - b);
  const beyond = objective && !whole ? quantile(values, objective.sign > 0 ? TAIL : 1 - TAIL) : NaN;
  const [low, high] = [values[0] ?? 0, values.at(-1) ?? 1];
  const seen: [number, number] = beyond === beyond ? (objective?.sign === 1 ? [beyond, high] : [low, beyond]) : [low, high];
  const pad = 0.06 * (seen[1] - seen[0]) || Math.max(Math.abs(seen[1]), 1) * 0.05;
  const room = values.length < tree.size ? 0.09 * (seen[1] - seen[0]) : 0; // for the rail of what has no value
  return {
    x, y, hollow, home: [[-0.02 * last - 0.5, last * 1.02 + 0.5], [seen[0] - pad - room, seen[1] + pad]],
    labels: ["trials", objective?.label ?? GENERATION], whole: !objective,
    empty: tree.size ? "" : "no trial has finished yet",
  };
}
