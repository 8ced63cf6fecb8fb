// Where a hand takes hold of the wiring: at a node's rim, where edges are drawn, or at an edge's end.

import type { Picture } from "./picture";
import type { Drawing, EdgeMark } from "./state";

const RIM = 6; // pixels of the window on either side of a node's border from which an edge is drawn
const END = 17; // pixels around an edge's end by which it is moved
const NEAR = 10; // pixels around a node within which an edge is dropped on it

/** What is held: a node's rim, or an end of an edge; "gone" asks for the edge to be taken away. */
export interface Grip { source: string; target: string; end: "" | "source" | "target" | "gone" }
/** A place, in the window or on the picture's page. */
export interface Point { x: number; y: number }

export function nameOf({ source, target }: { source: string; target: string }): string {
  return `${source} ${target}`;
}

export function gripAt(event: PointerEvent, picture: Picture, { nodes, edges }: Drawing): Grip | undefined {
  const at = { x: event.clientX, y: event.clientY };
  const rims = nodes.map(({ name }) => ({ name, distance: rimDistance(picture.nodeAt(name), at) }));
  const over = (event.target as Element).closest("[data-edge]");
  if (over && rims.every((rim) => rim.distance >= 0)) {
    // Of edges that end at one place the one under the pointer is meant.
    const mine = edges.filter((edge) => picture.edgeAt(nameOf(edge)) === over);
    const near = least(mine.flatMap((edge) => ends(edge, picture, at)));
    if (near && near.distance < END) return { source: near.edge.source, target: near.edge.target, end: near.end };
  }
  const rim = least(rims.map((one) => ({ ...one, distance: Math.abs(one.distance) })));
  return rim && rim.distance <= RIM ? { source: rim.name, target: "", end: "" } : undefined;
}

export function nodeUnder(event: PointerEvent, picture: Picture, { nodes }: Drawing): string | undefined {
  const at = { x: event.clientX, y: event.clientY };
  const near = least(nodes.map(({ name }) => ({ name, distance: rimDistance(picture.nodeAt(name), at) })));
  return near && near.distance < NEAR ? near.name : undefined;
}

/** Where what is held is, on the picture's page. */
export function anchor({ source, target, end }: Grip, picture: Picture): Point | undefined {
  if (end === "") {
    const box = boxOf(picture.nodeAt(source))?.getBoundingClientRect();
    return box && onPage({ x: box.right, y: (box.top + box.bottom) / 2 }, picture);
  }
  const line = picture.edgeAt(nameOf({ source, target }))?.querySelector<SVGPathElement>(".wb-line");
  return line ? onPage(endOf(line, end === "source" ? "source" : "target"), picture) : undefined;
}

/** Where a line from `from` to a node's middle meets its border, on the picture's page. */
export function border(name: string, from: Point, picture: Picture): Point | undefined {
  const box = boxOf(picture.nodeAt(name))?.getBoundingClientRect();
  if (!box) return undefined;
  const [low, high] = [onPage({ x: box.left, y: box.top }, picture), onPage({ x: box.right, y: box.bottom }, picture)];
  const [x, y] = [(low.x + high.x) / 2, (low.y + high.y) / 2];
  const [dx, dy] = [from.x - x, from.y - y];
  const share = Math.min(1, (high.x - low.x) / 2 / Math.abs(dx || 1e-9), (high.y - low.y) / 2 / Math.abs(dy || 1e-9));
  return { x: x + dx * share, y: y + dy * share };
}

export function onPage(at: Point, picture: Picture): Point {
  const matrix = picture.element.getScreenCTM();
  if (matrix === null) return at;
  const { x, y } = new DOMPoint(at.x, at.y).matrixTransform(matrix.inverse());
  return { x, y };
}

function ends(edge: EdgeMark, picture: Picture, at: Point) {
  const line = picture.edgeAt(nameOf(edge))?.querySelector<SVGPathElement>(".wb-line");
  if (!line) return [];
  return (["source", "target"] as const).map((end) => {
    const { x, y } = endOf(line, end);
    return { edge, end, distance: Math.hypot(x - at.x, y - at.y) };
  });
}

function least<T extends { distance: number }>(found: readonly T[]): T | undefined {
  return found.length === 0 ? undefined : found.reduce((best, one) => (one.distance < best.distance ? one : best));
}

/** The border of a node; of a folded block, which has two, the upper one. */
function boxOf(group: SVGGElement | undefined): Element | undefined {
  return [...(group?.querySelectorAll(".wb-box") ?? [])].at(-1);
}

/** How far a point of the window is outside a node's border; negative inside. */
function rimDistance(group: SVGGElement | undefined, { x, y }: Point): number {
  const box = boxOf(group)?.getBoundingClientRect();
  if (!box) return Infinity;
  const [cx, cy] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  if (Math.abs(box.width - box.height) < 1) return Math.hypot(x - cx, y - cy) - box.width / 2;
  const [dx, dy] = [Math.abs(x - cx) - box.width / 2, Math.abs(y - cy) - box.height / 2];
  return dx <= 0 && dy <= 0 ? Math.max(dx, dy) : Math.hypot(Math.max(dx, 0), Math.max(dy, 0));
}

/** Where an edge's line begins or ends in the window. */
function endOf(line: SVGPathElement, end: "source" | "target"): Point {
  const point = line.getPointAtLength(end === "source" ? 0 : line.getTotalLength());
  const matrix = line.getScreenCTM();
  return matrix ? new DOMPoint(point.x, point.y).matrixTransform(matrix) : { x: NaN, y: NaN };
}
