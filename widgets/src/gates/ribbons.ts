// The cells of a supernet: every edge a ribbon, split into bands as wide as its gate's options are worth.

import { html, put, svg } from "../shared/dom";
import { item } from "../board/marks";
import { type Cell, type Edge, type Option, percent, type Records, short } from "./state";

const RIBBON = 24, STEPS = 30;
const LETTER = 11, NARROW = 400; // pixels of a letter, where a cell is so many pixels wide
type Spot = [x: number, y: number, across: number, down: number];

/** The cells after an epoch; gates are items of a list, known by their numbers. */
export function cellsOf(records: Records, cells: Cell[], epoch: number, chosen: number): Element[] {
  let first = true;
  return cells.map((cell) => {
    const parts: SVGElement[] = [], labels: SVGElement[] = [];
    const size = Math.min(26, Math.max(15, LETTER * (cell.width / NARROW)));
    for (const edge of cell.edges) {
      const [, x, y, name, gate, fixed] = edge;
      const options = gate < 0 ? [fixed] : (records.gates[gate]?.options ?? []);
      const worth = gate < 0 ? [1] : records.worth(gate, epoch) ?? options.map(() => 1 / options.length);
      const largest = records.largest(worth);
      const words = gate < 0 ? `${name}: ${fixed[0]} only` : `${name}: ${records.words(gate, epoch)}`;
      const group = svg("g", gate < 0 ? {} : { class: "wb-ribbon", ...item(String(gate), words, gate === chosen, chosen === gate || (chosen < 0 && first)) });
      first &&= gate < 0;
      group.append(svg("path", { d: edge[0], class: "wb-under" }), ...bands(edge, worth).map((d, k) => band(d, options[k] as Option, k === largest)));
      // The largest lies on top of its neighbours, and is as wide as it should be.
      const top = group.querySelector(".wb-largest");
      if (top) group.append(top);
      const label = short(options[largest]?.[0] ?? "");
      labels.push(svg("text", { x, y: y + size * 0.35, "font-size": size.toFixed(1), "text-anchor": "middle", class: "wb-pill" }, label.length > 11 ? `${label.slice(0, 10)}…` : label));
      parts.push(group);
    }
    const nodes = cell.nodes.flatMap(([x, y, w, h, label, role]) => [
      svg("rect", { x: x - w / 2, y: y - h / 2, width: w, height: h, rx: h / 2, class: `wb-spot wb-${role}` }),
      ...fitted(label, x, y, w, size),
    ]);
    const picture = svg("svg", { viewBox: `0 0 ${cell.width} ${cell.height}`, class: "wb-supercell", role: "group",
      "aria-label": cell.title ? `Gates of the cell ${cell.title}` : "Gates of the cell" }, ...parts, ...nodes, ...labels);
    return html("div", { class: "wb-cell-of" }, ...(cell.title ? [html("span", { class: "wb-cell-title" }, cell.title)] : []), picture);
  });
}

/** A label as large as its node lets it be. */
function fitted(label: string, x: number, y: number, width: number, size: number): SVGElement[] {
  const letters = Math.min(size, (0.9 * width) / (0.6 * Math.max(1, label.length)));
  return [svg("text", { x, y: y + letters * 0.35, "font-size": letters.toFixed(1), "text-anchor": "middle", class: "wb-spot-of" }, label)];
}

function band(d: string, option: Option, largest: boolean): SVGElement {
  return svg("path", { d, class: largest ? "wb-band-of wb-largest" : "wb-band-of", style: inked(option) });
}

/** The gates as bars, for spaces whose gates are no edges. */
export function stripOf(records: Records, epoch: number, chosen: number): Element[] {
  return records.gates.map((gate, number) => {
    const worth = records.worth(number, epoch) ?? gate.options.map(() => 0);
    const total = Math.max(1, worth.reduce((a, b) => a + b, 0));
    const parts = gate.options.map((option, k) => {
      const share = (worth[k] as number) / total;
      return html("i", { style: `width:${(100 * share).toFixed(2)}%;${inked(option)}` },
        ...(share > 0.12 ? [html("span", {}, short(option[0]))] : []));
    });
    const row = html("div", { class: "wb-gate", ...item(String(number), `${gate.name}: ${records.words(number, epoch)}`, number === chosen, chosen === number || (chosen < 0 && number === 0)) },
      html("span", { class: "wb-gate-name", title: gate.name }, gate.name), html("span", { class: "wb-gate-bar" }, ...parts));
    put(row, { title: `${gate.name}: ${gate.options.map((option, k) => `${option[0]} ${percent(worth[k] as number)}`).join(", ")}` });
    return row;
  });
}

export function inked([, colour, dark]: Option): string {
  return `--dot: light-dark(${colour}, ${dark})`;
}

/** The bands of an edge, side by side along its path. */
function bands([path]: Edge, worth: number[]): string[] {
  const spots = along(path);
  const total = worth.reduce((a, b) => a + b, 0);
  const scale = RIBBON / Math.max(1, total);
  let low = (-scale * total) / 2;
  return worth.map((one) => {
    const high = low + scale * one;
    const line = [...spots.map((spot) => beside(spot, low)), ...spots.map((spot) => beside(spot, high)).reverse()];
    low = high;
    return `M${line.join("L")}Z`;
  });
}

const known = new Map<string, Spot[]>();

/** Points along a path of cubic pieces, each with the unit vector across the line. */
function along(path: string): Spot[] {
  const before = known.get(path);
  if (before) return before;
  const numbers = (path.match(/-?\d+(?:\.\d+)?/g) ?? []).map(Number);
  const at = (i: number): [number, number] => [numbers[2 * i] as number, numbers[2 * i + 1] as number];
  const line = [at(0)];
  for (let i = 1; i < numbers.length / 2; i += 3) {
    const corners = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    for (let k = 1; k <= STEPS; k++) {
      const t = k / STEPS, u = 1 - t;
      const weights = [u ** 3, 3 * t * u * u, 3 * t * t * u, t ** 3];
      line.push([0, 1].map((axis) => corners.reduce((sum, corner, j) => sum + (weights[j] as number) * (corner[axis] as number), 0)) as [number, number]);
    }
  }
  const spots = line.map(([x, y], i): Spot => {
    const [a, b] = [line[Math.max(0, i - 1)] as [number, number], line[Math.min(line.length - 1, i + 1)] as [number, number]];
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
    return [x, y, -(b[1] - a[1]) / length, (b[0] - a[0]) / length];
  });
  known.set(path, spots);
  return spots;
}

function beside([x, y, across, down]: Spot, far: number): string {
  return `${(x + far * across).toFixed(1)},${(y + far * down).toFixed(1)}`;
}
