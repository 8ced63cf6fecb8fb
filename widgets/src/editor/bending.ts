// How an edge follows a node that is moved by hand: its end goes along, what is far from the end stays.

import type { EdgeMark } from "./state";

export interface Offset { x: number; y: number }

export const STILL: Offset = { x: 0, y: 0 };

/** An edge's route, with the shares of its source's and of its target's way that each point and the label go. */
export interface Bend { points: Offset[]; from: number[]; to: number[]; label: [number, number] }

const FAR = 3; // pieces of a route beyond which nothing moves

export function along(mark: EdgeMark): Bend {
  const numbers = (mark.path.match(/-?[\d.]+(?:e-?\d+)?/g) ?? []).map(Number);
  const points: Offset[] = [];
  for (let i = 0; i + 1 < numbers.length; i += 2) points.push({ x: numbers[i] as number, y: numbers[i + 1] as number });
  const pieces = Math.max(1, (points.length - 1) / 3);
  const reach = Math.min(pieces, FAR);
  // A control point goes with the corner beside it, so that a route keeps its direction there and the arrow its own.
  const corner = points.map((_, i) => Math.round(i / 3));
  const from = corner.map((at) => Math.max(0, 1 - at / reach));
  const to = corner.map((at) => Math.max(0, 1 - (pieces - at) / reach));
  const at = nearestPiece(points, mark.label_x, mark.label_y) * 3;
  const between = (shares: number[]) => ((shares[at] ?? 0) + (shares[at + 3] ?? 0)) / 2;
  return { points, from, to, label: [between(from), between(to)] };
}

export function bent({ points, from, to }: Bend, source: Offset, target: Offset): Offset[] {
  return points.map(({ x, y }, i) => {
    const { x: dx, y: dy } = mixed(from[i] ?? 0, source, to[i] ?? 0, target);
    return { x: x + dx, y: y + dy };
  });
}

export function mixed(a: number, source: Offset, b: number, target: Offset): Offset {
  return { x: a * source.x + b * target.x, y: a * source.y + b * target.y };
}

export function pathOf(points: readonly Offset[]): string {
  const pairs = points.map(({ x, y }) => `${Math.round(x * 10) / 10},${Math.round(y * 10) / 10}`);
  let path = `M${pairs[0]}`;
  for (let i = 1; i + 2 < pairs.length; i += 3) path += `C${pairs[i]} ${pairs[i + 1]} ${pairs[i + 2]}`;
  return path;
}

function nearestPiece(points: readonly Offset[], x: number, y: number): number {
  let [best, least] = [0, Infinity];
  for (let i = 0; i + 3 < points.length; i += 3) {
    const [a, b] = [points[i] as Offset, points[i + 3] as Offset];
    const distance = Math.hypot((a.x + b.x) / 2 - x, (a.y + b.y) / 2 - y);
    if (distance < least) [best, least] = [i / 3, distance];
  }
  return best;
}
