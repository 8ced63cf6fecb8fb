// How well each proxy agrees with each truth: dots with intervals, beside the lines that the free baselines draw.

import { tickLabels, ticks } from "../map/scale";
import { html, svg } from "../shared/dom";
import { coloured, cut, dot, item, listed, Panel, redrawn, wide } from "./marks";
import { figure, type Links, plain, type Row, type State } from "./state";

const LINE = 15; // pixels from one label above the dots to the next

interface Scale { x(value: number): number; left: number; right: number; low: number; high: number }
interface Guide { words: string; value: number; kind: string }

export class Agreement {
  readonly panel: Panel;
  private readonly chips = html("div", { class: "wb-bar", role: "group", "aria-label": "The truth that sorts and has intervals" });
  private readonly menu = html("select", { "aria-label": "Statistic of agreement" });
  private readonly picture = svg("svg", { class: "wb-chart", role: "listbox" });
  private readonly foot = html("p", { class: "wb-words" });

  constructor(title: string, statistics: { name: string; words: string }[], private readonly links: Links) {
    this.menu.append(...statistics.map(({ name, words }) => html("option", { value: name }, words)));
    this.menu.addEventListener("change", links.guard(() => links.set("statistic", this.menu.value)));
    const bar = html("div", { class: "wb-bar" }, this.chips, html("i", { class: "wb-space" }), this.menu);
    this.panel = new Panel("wb-agreement", title, bar, html("div", { class: "wb-room" }, this.picture), this.foot);
    listed(this.picture, links.guard((name) => links.choose(name)));
  }

  draw(state: State, population: string): void {
    const { agreed, marks } = state;
    this.panel.note.textContent = population;
    this.menu.value = agreed.statistic;
    redrawn(this.chips, marks.map((mark) => this.chip(mark.name, mark.name === agreed.truth, marks.length > 1, state)));
    this.drawPicture(state);
    this.foot.replaceChildren(...this.sentences(state).map((words) => html("span", {}, `${words} `)));
  }

  private chip(name: string, pressed: boolean, several: boolean, state: State): HTMLElement {
    const mark = state.marks.find((one) => one.name === name) as State["mark"];
    const sign = svg("svg", { width: 14, height: 14, viewBox: "-7 -7 14 14", "aria-hidden": "true" }, dot(mark, 0, 0, 4.6));
    if (!several) return html("span", { class: "wb-chip-still" }, sign, name);
    const title = pressed ? `${name} sorts the proxies` : `Sort by ${name}, and show its intervals`;
    const chip = html("button", { type: "button", "data-name": name, "aria-pressed": String(pressed), title }, sign, name);
    chip.addEventListener("click", this.links.guard(() => this.links.set("truth", name)));
    return chip;
  }

  private sentences(state: State): string[] {
    const { agreed, inside } = state;
    const intervals = agreed.made >= agreed.wanted
      ? `Bar: 95 % bootstrap interval on ${agreed.truth}, ${agreed.made.toLocaleString("en-US")} resamples.`
      : `Bar: 95 % bootstrap interval on ${agreed.truth}, resample ${agreed.made} of ${agreed.wanted} …`;
    return [
      ...(state.baselines.length ? ["Red line: the strongest free baseline; a proxy left of it adds nothing on its own."] : []),
      intervals,
      ...(inside.n ? [`Hollow: within the ${inside.n.toLocaleString("en-US")} selected.`] : []),
      ...(state.flipped.size ? ["(−): sign turned round."] : []),
    ];
  }

  private drawPicture(state: State): void {
    const rows = state.proxies;
    const width = Math.max(260, this.picture.parentElement?.clientWidth ?? 0);
    const each = rows.length > 22 ? 21 : 26;
    const guides = guidesOf(state);
    const top = 8 + LINE * guides.length;
    const bottom = top + each * rows.length;
    const longest = Math.max(...rows.map((row) => wide(labelOf(row, state))));
    const left = Math.min(Math.max(60, longest * 1.1 + 24), width * 0.36);
    const scale = scaled(state, rows, guides, left, width - 14);
    const parts: Node[] = [...axisOf(scale, top, bottom), ...guideLines(guides, scale, bottom)];
    rows.forEach((row, i) => parts.push(this.row(row, state, scale, top + each * i, each, width, i)));
    this.picture.setAttribute("viewBox", `0 0 ${width} ${bottom + 26}`);
    this.picture.setAttribute("height", String(bottom + 26));
    this.picture.setAttribute("aria-label", `${state.agreed.words} of each proxy with ${state.agreed.truth}; Enter puts a proxy on the scatter's x axis`);
    redrawn(this.picture, parts);
  }

  private row(row: Row, state: State, scale: Scale, top: number, height: number, width: number, i: number): SVGGElement {
    const y = top + height / 2;
    const chosen = state.chosen[0] === row.name || state.chosen[1] === row.name;
    const reachable = chosen || (i === 0 && !state.proxies.some((one) => state.chosen.includes(one.name)));
    const label = labelOf(row, state);
    const parts: Node[] = [
      svg("title", {}, spoken(row, state)),
      svg("rect", { class: "wb-under", x: 0, y: top + 1, width, height: height - 2, rx: 6 }),
      svg("text", { class: "wb-name", x: scale.left - 12, y: y + 4.3, "text-anchor": "end" }, cut(label, scale.left - 12)),
    ];
    const [low, high] = [row.lows[state.primary], row.highs[state.primary]];
    if (typeof low === "number" && typeof high === "number") {
      parts.push(svg("path", { class: "wb-interval", d: `M${scale.x(low)},${y}H${scale.x(high)}`, style: coloured(state.mark) }));
    }
    const order = [...state.marks.keys()].filter((k) => k !== state.primary);
    for (const k of [...order, state.primary]) {
      const value = row.values[k];
      if (typeof value === "number") parts.push(dot(state.marks[k] as State["mark"], scale.x(value), y));
    }
    const within = state.within(row.name);
    if (within !== null) parts.push(dot(state.mark, scale.x(within), y, 4.4, true));
    const group = svg("g", { class: chosen ? "wb-row wb-chosen" : "wb-row", ...item(row.name, spoken(row, state), chosen, reachable) });
    group.append(...parts);
    return group;
  }
}

function labelOf(row: Row, state: State): string {
  return state.flipped.has(row.name) ? `${row.name} (−)` : row.name;
}

function spoken(row: Row, state: State): string {
  const values = state.marks.map((mark, k) => `${mark.name} ${figure(row.values[k])}`).join(", ");
  const within = state.within(row.name);
  return `${labelOf(row, state)}: ${values}; 95 % interval on ${state.agreed.truth} ${figure(row.lows[state.primary])} to `
    + `${figure(row.highs[state.primary])}${within === null ? "" : `; within the selection ${figure(within)}`}`;
}

/** The dashed lines: the free baselines, the strongest of them first, and the ceiling of noise. */
function guidesOf(state: State): Guide[] {
  const lines: Guide[] = state.baselines.map(({ name, value }, i) =>
    ({ words: `${plain(name)} ${figure(value)}`, value, kind: i === 0 ? "wb-alarm-line" : "wb-free-line" }));
  const { ceiling } = state.agreed;
  if (ceiling !== null) lines.push({ words: `noise ceiling ${figure(ceiling)}`, value: ceiling, kind: "wb-ceiling-line" });
  return lines.sort((a, b) => b.value - a.value);
}

function scaled(state: State, rows: Row[], guides: Guide[], left: number, right: number): Scale {
  const all = [...rows.flatMap((row) => [...row.values, row.lows[state.primary], row.highs[state.primary], state.within(row.name)]),
    ...guides.map((guide) => guide.value)].filter((value): value is number => typeof value === "number");
  const low = Math.min(0, ...all);
  const high = Math.max(1, ...all);
  const from = low < 0 ? low - 0.03 : 0;
  return { left, right, low: from, high, x: (value) => left + ((value - from) / (high - from)) * (right - left) };
}

function axisOf(scale: Scale, top: number, bottom: number): Node[] {
  const values = ticks(scale.low, scale.high, (scale.right - scale.left) / 52);
  return tickLabels(values).flatMap((label, i) => {
    const x = scale.x(values[i] as number);
    return [
      svg("path", { class: "wb-grid", d: `M${x},${top}V${bottom + 4}` }),
      svg("text", { class: "wb-tick", x, y: bottom + 20, "text-anchor": "middle" }, label.replace("-", "−")),
    ];
  });
}

function guideLines(guides: Guide[], scale: Scale, bottom: number): Node[] {
  const lines = guides.map(({ value, kind }, i) =>
    svg("path", { class: `wb-guide ${kind}`, d: `M${scale.x(value)},${LINE * (i + 1) + 1}V${bottom}` }));
  const labels = guides.map(({ words, value, kind }, i) => {
    const half = wide(words, 11.5) / 2;
    const x = Math.max(half, Math.min(scale.right + 12 - half, scale.x(value)));
    return svg("text", { class: `wb-tick wb-over ${kind}`, x, y: LINE * (i + 1) - 3, "text-anchor": "middle" }, words);
  });
  return [...lines, ...labels];
}
