// What the chart shows of the trials: best so far over trials for one objective, points and their front for several.

import type { Line, Point, Scene } from "./chart";
import { quantile, type Reference, type Trials } from "./trials";

const TAIL = 0.1; // share of the trials that may lie beyond the chart of a front, on an objective's bad side

export function curves(trials: Trials, references: Reference[], goal: number, whole: boolean): Scene {
  const objective = trials.objectives[0] as Trials["objectives"][number];
  const points = pointsOf(trials, goal, (i) => [trials.at[i] as number, 0]);
  const [low, middle, high] = trials.quartiles();
  const at = middle.map((_, k) => k + 1);
  const last = Math.max(2, goal, at.length);
  const lines: Line[] = references.map((one) => ({ at: one.at, y: one.middle, kind: "reference", steps: false, name: one.name }));
  if (trials.studies > 1) {
    lines.push(...trials.best.map((curve): Line => ({ at: curve.map((_, k) => k + 1), y: curve, kind: "seed", steps: true, name: "" })));
  }
  lines.push({ at, y: middle, kind: "best", steps: true, name: trials.studies > 1 ? "median" : "best so far" });
  const values = points.map((point) => point.y).sort((a, b) => a - b);
  const worst = objective.sign > 0 ? quantile(values, 0.25) : quantile(values, 0.75); // bad trials would press the curve flat
  const seen = [...(whole ? values : [worst]), ...middle, ...low, ...high, ...(objective.optimum === null ? [] : [objective.optimum])];
  return {
    x: { range: [0.5, last + 0.5], label: "trials", whole: true }, y: { range: padded(seen), label: objective.label },
    points, ringed: [], lines, level: objective.optimum,
    bands: [
      ...references.filter((one) => one.low.length).map((one) => ({ at: one.at, low: one.low, high: one.high, kind: "reference" as const })),
      ...(trials.studies > 1 ? [{ at, low, high, kind: "seeds" as const }] : []),
    ],
    empty: points.length ? "" : "no trial has a value yet",
  };
}

export function front(trials: Trials, goal: number, axes: [number, number], whole: boolean): Scene {
  const points = pointsOf(trials, goal, () => axes);
  const kept = trials.front();
  const [x, y] = axes.map((k) => trials.objectives[k]) as [Trials["objectives"][number], Trials["objectives"][number]];
  const line = kept.map((i) => trials.row(i)?.[3] ?? []).map((v) => [v[axes[0]] as number, v[axes[1]] as number] as const).sort((a, b) => a[0] - b[0]);
  const two = trials.objectives.length === 2;
  const stairs = line.flatMap((p, k) => { // what lies behind the stairs is beaten
    const before = line[k - 1];
    return before ? [x.sign > 0 ? [before[0], p[1]] as const : [p[0], before[1]] as const, p] : [p];
  });
  const range = (k: number, values: number[]) => {
    const sorted = [...values].sort((a, b) => a - b);
    const good = trials.objectives[k]?.sign ?? 1;
    return padded(whole ? values : [quantile(sorted, good > 0 ? TAIL : 1 - TAIL), ...kept.map((i) => trials.row(i)?.[3]?.[k] as number)]);
  };
  return {
    x: { range: range(axes[0], points.map((point) => point.x)), label: x.label, whole: false },
    y: { range: range(axes[1], points.map((point) => point.y)), label: y.label },
    points, ringed: kept, level: null, bands: [], empty: points.length ? "" : "no trial has values yet",
    lines: two ? [{ at: stairs.map((p) => p[0]), y: stairs.map((p) => p[1]), kind: "front", steps: false, name: "Pareto front" }] : [],
  };
}

/** Trials with values; `place` gives the objectives across and up, or the trial's own place and the objective up. */
function pointsOf(trials: Trials, goal: number, place: (i: number) => [number, number]): Point[] {
  const several = trials.objectives.length > 1;
  const last = Math.max(goal, ...trials.best.map((curve) => curve.length), 1);
  const points: Point[] = [];
  for (let i = 0; i < trials.size; i++) {
    const row = trials.row(i);
    if (!row || row[3] === null || row[2] === "x") continue;
    const [a, b] = place(i);
    points.push({ i, x: several ? row[3][a] as number : a, y: row[3][b] as number, share: (trials.at[i] as number) / last, hollow: row[2] !== "c" });
  }
  return points;
}

function padded(values: number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  const pad = 0.05 * (high - low) || Math.max(Math.abs(high), 1) * 0.05;
  return [low - pad, high + pad];
}
