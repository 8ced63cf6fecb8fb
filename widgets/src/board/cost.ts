// What a proxy costs against how well it agrees: seconds on a logarithmic axis, and the line that is free.

import { tickLabels, ticks } from "../map/scale";
import { html, put, svg } from "../shared/dom";
import { dot, item, listed, Panel, redrawn, wide } from "./marks";
import { figure, type Links, plain, type State, time } from "./state";

const MARGIN = { left: 40, top: 20, right: 16, bottom: 34 };

interface Point { name: string; x: number; y: number; seconds: number; value: number }
interface Box { x: number; y: number; width: number; height: number }

export class Cost {
  readonly panel: Panel;
  private readonly picture = svg("svg", { class: "wb-chart", role: "listbox" });
  private readonly foot = html("p", { class: "wb-words" });

  constructor(note: string, links: Links) {
    this.panel = new Panel("wb-cost", "Cost against agreement", html("div", { class: "wb-room" }, this.picture), this.foot);
    this.foot.textContent = note;
    listed(this.picture, links.guard((name) => links.choose(name)));
  }

  draw(state: State): void {
    const room = this.picture.parentElement;
    const [width, height] = [Math.max(260, room?.clientWidth ?? 0), Math.max(200, room?.clientHeight ?? 0)];
    const known = state.sorted.filter((row) => state.column(row.name).seconds !== null && state.value(row) !== null);
    this.panel.note.textContent = known.length ? state.agreed.truth : "";
    if (!known.length) return;
    const seconds = known.map((row) => state.column(row.name).seconds as number);
    const values = known.map((row) => state.value(row) as number);
    const [first, last] = [Math.log10(Math.min(...seconds)), Math.log10(Math.max(...seconds))];
    const pad = Math.max(0.15, (last - first) * 0.06);
    const all = [...values, ...state.baselines.slice(0, 1).map((free) => free.value)];
    const spare = Math.max(0.05, (Math.max(...all) - Math.min(...all)) * 0.12);
    const [low, high] = [Math.min(...all) - spare, Math.max(...all) + spare];
    const inner = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
    const px = (value: number) => MARGIN.left + ((Math.log10(value) - first + pad) / (last - first + 2 * pad)) * inner.width;
    const py = (value: number) => MARGIN.top + (1 - (value - low) / (high - low)) * inner.height;
    const points = known.map((row, i): Point => {
      const [s, value] = [seconds[i] as number, values[i] as number];
      return { name: row.name, x: px(s), y: py(value), seconds: s, value };
    });
    put(this.picture, {
      viewBox: `0 0 ${width} ${height}`,
      "aria-label": `Seconds per architecture against ${state.agreed.words} with ${state.agreed.truth}; Enter puts a proxy on the scatter's x axis`,
    });
    redrawn(this.picture, [
      ...levels(low, high, py, width), ...decades(first - pad, last + pad, px, height),
      ...baseline(points, state, py, width), ...this.points(points, state, width, py),
    ]);
  }

  private points(points: Point[], state: State, width: number, py: (value: number) => number): Node[] {
    const labels = placed(points, width, freeLabel(points, state, width, py));
    const anyChosen = points.some((point) => state.chosen.includes(point.name));
    return points.map((point, i) => {
      const chosen = state.chosen.includes(point.name);
      const words = `${point.name}: ${time(point.seconds)}, ${state.agreed.words} ${figure(point.value)}`;
      const group = svg("g", { class: chosen ? "wb-point wb-chosen" : "wb-point", ...item(point.name, words, chosen, chosen || (!anyChosen && i === 0)) },
        svg("title", {}, words), svg("circle", { class: "wb-halo", cx: point.x, cy: point.y, r: 10 }), dot(state.mark, point.x, point.y));
      const label = labels[i];
      if (label) group.append(svg("text", { class: "wb-name wb-over", x: label.x, y: label.y + 11 }, point.name));
      return group;
    });
  }
}

function levels(low: number, high: number, py: (value: number) => number, width: number): Node[] {
  const values = ticks(low, high, 6);
  return tickLabels(values).flatMap((label, i) => {
    const y = py(values[i] as number);
    return [
      svg("path", { class: "wb-grid", d: `M${MARGIN.left},${y}H${width - MARGIN.right}` }),
      svg("text", { class: "wb-tick", x: MARGIN.left - 8, y: y + 4, "text-anchor": "end" }, label.replace("-", "−")),
    ];
  });
}

/** Ticks at powers of ten, with 2 and 5 between them where the axis is short. */
function decades(first: number, last: number, px: (value: number) => number, height: number): Node[] {
  const steps = last - first < 1.6 ? [1, 2, 5] : [1];
  const values: number[] = [];
  for (let power = Math.floor(first); power <= Math.ceil(last); power++) values.push(...steps.map((step) => step * 10 ** power));
  return values.filter((value) => Math.log10(value) >= first && Math.log10(value) <= last)
    .map((value) => svg("text", { class: "wb-tick", x: px(value), y: height - 10, "text-anchor": "middle" }, time(value)));
}

function baseline(points: Point[], state: State, py: (value: number) => number, width: number): Node[] {
  const strongest = state.baselines[0];
  const [label] = freeLabel(points, state, width, py);
  if (!strongest || !label) return [];
  const y = py(strongest.value);
  return [
    svg("path", { class: "wb-guide wb-alarm-line", d: `M${MARGIN.left},${y}H${width - MARGIN.right}` }),
    svg("text", { class: "wb-tick wb-over wb-alarm-line", x: label.x, y: label.y + 11 }, freeWords(state)),
  ];
}

function freeWords(state: State): string {
  const [strongest] = state.baselines;
  return strongest ? `${plain(strongest.name)} ${figure(strongest.value)}, free` : "";
}

/** Where the line's own label goes: above it at the left end, or at the right one where dots are in the way. */
function freeLabel(points: Point[], state: State, width: number, py: (value: number) => number): Box[] {
  const [strongest] = state.baselines;
  if (!strongest) return [];
  const size = { width: wide(freeWords(state), 12), height: 14 };
  const y = py(strongest.value) - 17;
  const ends = [{ x: MARGIN.left + 4, y, ...size }, { x: width - MARGIN.right - size.width, y, ...size }] as const;
  return [ends.find((end) => !points.some((point) => meet(end, around(point)))) ?? ends[0]];
}

function around({ x, y }: Point): Box { return { x: x - 6, y: y - 6, width: 12, height: 12 }; }

/** Where each label goes: right, left, above or below its dot, wherever it meets no other; nowhere if all do. */
function placed(points: Point[], width: number, reserved: Box[]): (Box | undefined)[] {
  const taken: Box[] = [...reserved, ...points.map(around)];
  return points.map(({ name, x, y }) => {
    const size = { width: wide(name, 13), height: 14 };
    const spots = [[x + 9, y - 7], [x - 9 - size.width, y - 7], [x - size.width / 2, y - 23], [x - size.width / 2, y + 8]] as const;
    const found = spots.map(([left, top]) => ({ x: left, y: top, ...size }))
      .find((spot) => spot.x > MARGIN.left - 20 && spot.x + spot.width < width && spot.y > 0 && !taken.some((other) => meet(spot, other)));
    if (found) taken.push(found);
    return found;
  });
}

function meet(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
