// One architecture on a layout that others share: what is added, removed or changed is told by form, sign and word.

import { svg } from "../shared/dom";
import { type EdgePlace, type Layout, type Look, type NodePlace, type Seats, type Status, status } from "./state";

const LABEL_HEIGHT = 24;
const LETTER = 7.3; // width of an average letter at 13 px
const SHORT = 3; // letters of a node's name that stand beside its operation
const BELOW = 18; // pixels kept for what stands below the lowest label
const LOUDNESS: Status[] = ["removed", "kept", "plain", "changed", "added"];

/** A drawing; labels `size` times as large as they are laid out, as far as there is room. */
export function drawing(layout: Layout, seats: Seats, reference: Seats | undefined, looks: Look[], size: number): SVGSVGElement {
  const grown = Math.min(size, layout.growth);
  return svg("svg", { class: "wb-diff-drawing", viewBox: `0 0 ${layout.width} ${layout.height + BELOW}`, role: "img" },
    ...parts(layout.edges, seats.edges, reference?.edges, looks, (...about) => edge(grown, ...about)),
    ...parts(layout.nodes, seats.nodes, reference?.nodes, looks, (...about) => node(grown, ...about)));
}

type Draw<P> = (place: P, how: Status, look: Look, was: Look | undefined) => SVGGElement;

function parts<P>(places: P[], seats: number[], others: number[] | undefined, looks: Look[], draw: Draw<P>): SVGGElement[] {
  const found: { how: Status; part: SVGGElement }[] = [];
  places.forEach((place, i) => {
    const [seat, other] = [seats[i] ?? -1, others?.[i]];
    const how = status(seat, other, looks);
    const was = other === undefined ? undefined : looks[other];
    const look = how === "removed" ? was : looks[seat];
    if (how && look) found.push({ how, part: draw(place, how, look, was) });
  });
  return found.sort((a, b) => LOUDNESS.indexOf(a.how) - LOUDNESS.indexOf(b.how)).map(({ part }) => part);
}

function group(kind: string, how: Status, look: Look, ...children: SVGElement[]): SVGGElement {
  const dead = look.live || look.zero ? "" : " wb-dead";
  const made = svg("g", { class: `wb-${kind} wb-${how}${dead}`, "data-status": how }, ...children);
  if (look.colour) made.style.setProperty("--op", `light-dark(${look.colour}, ${look.dark})`);
  return made;
}

function edge(size: number, place: EdgePlace, how: Status, look: Look, was: Look | undefined): SVGGElement {
  const { x, y } = place;
  const dash = how === "removed" ? "7 5" : look.dashed ? "5 5" : undefined;
  const lines = [svg("path", { class: "wb-line", d: place.path, "stroke-dasharray": dash }), svg("path", { class: "wb-arrow", d: place.arrow })];
  if (look.label === "") return group("edge", how, look, ...lines, ...sign(how, x, y));
  const [width, height] = [size * look.width, size * LABEL_HEIGHT];
  const pill = svg("rect", { class: "wb-pill", x: x - width / 2, y: y - height / 2, width, height, rx: height / 2 });
  return group("edge", how, look, ...lines, pill, label(look.label, x, y, size),
    ...before(how, was, x, y + height / 2, size), ...sign(how, x - width / 2 - 6, y));
}

function node(size: number, place: NodePlace, how: Status, look: Look, was: Look | undefined): SVGGElement {
  const { x, y } = place;
  const round = place.width === place.height;
  const grown = look.label !== "" && !round ? size : 1;
  const [width, height] = [place.width * grown, place.height * grown];
  const words = look.label || place.label;
  const box = svg("rect", {
    class: `wb-box wb-role-${look.label ? "op" : place.role}`, x: x - width / 2, y: y - height / 2, width, height, rx: round ? height / 2 : 9,
  });
  const fitting = Math.min(size, Math.max(1, (width - 8) / (LETTER * Math.max(words.length, 1))));
  const named = place.name !== "" && place.name !== words ? [svg("title", {}, `node ${place.name}`)] : [];
  const tag = look.label !== "" && place.name.length <= SHORT ? [small(place.name, x + width / 2 - 4 * size, y - height / 2 - 4, size)] : [];
  return group("node", how, look, ...named, box, label(words, x, y, fitting), ...tag,
    ...before(how, was, x, y + height / 2, size), ...sign(how, x - width / 2, y - height / 2));
}

function label(words: string, x: number, y: number, size: number): SVGTextElement {
  return svg("text", { class: "wb-name", x, y: y + 4.5 * size, "font-size": 13 * size }, words);
}

function before(how: Status, was: Look | undefined, x: number, bottom: number, size: number): SVGTextElement[] {
  if (how !== "changed") return [];
  return [small(`was ${was?.label || "nothing"}`, x, bottom + 10 * size, size)];
}

function small(words: string, x: number, y: number, size: number): SVGTextElement {
  return svg("text", { class: "wb-small", x, y, "font-size": 10 * size }, words);
}

function sign(how: Status, x: number, y: number): SVGGElement[] {
  if (how !== "added" && how !== "removed") return [];
  return [svg("g", { class: "wb-sign" }, svg("circle", { cx: x, cy: y, r: 9 }), svg("text", { x, y: y + 5 }, how === "added" ? "+" : "−"))];
}
