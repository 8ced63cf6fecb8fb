// The architectures that two columns rank most differently, each drawn on a card with its ranks.

import { html, svg } from "../shared/dom";
import { coloured, Panel, redrawn } from "./marks";
import type { Card, Links, Small, SmallEdge, SmallNode, State } from "./state";

export class Cards {
  readonly panel: Panel;
  private readonly list = html("div", { class: "wb-cards" });

  constructor(private readonly links: Links) {
    this.panel = new Panel("wb-disagree", "", this.list);
  }

  draw(state: State): void {
    const [x, y] = state.chosen;
    const { cards } = state;
    this.panel.heading.textContent = `Where ${x} and ${y} disagree most`;
    const of = state.inside.n ? `within the ${state.inside.n.toLocaleString("en-US")} selected` : "of all";
    this.panel.note.textContent = cards.length ? `rank 1 is the best ${of}; click to open` : "";
    redrawn(this.list, cards.length ? cards.map((card) => this.card(card))
      : [html("p", { class: "wb-words" }, x === y ? "Choose two different columns." : "Nowhere: they rank these architectures alike.")]);
  }

  private card(card: Card): HTMLElement {
    const ranks = card.ranks.map(([name, rank]) => html("div", {}, html("span", {}, name), html("b", {}, rank === null ? "–" : rank.toLocaleString("en-US"))));
    const said = card.ranks.map(([name, rank]) => `${name} rank ${rank ?? "unknown"}`).join(", ");
    const button = html("button", {
      type: "button", class: "wb-card", "data-name": card.text, title: card.text,
      "aria-label": `${said}, of ${card.among}: ${card.text}`,
    }, ...(card.drawing ? [small(card.drawing)] : [html("code", {}, card.text)]), html("div", { class: "wb-ranks" }, ...ranks));
    button.addEventListener("click", this.links.guard(() => this.links.click(card.index)));
    for (const [event, row] of [["pointerenter", card.index], ["focus", card.index], ["pointerleave", -1], ["blur", -1]] as const) {
      button.addEventListener(event, this.links.guard(() => this.links.look(row)));
    }
    return button;
  }
}

function small(drawing: Small): SVGSVGElement {
  return svg("svg", { viewBox: `0 0 ${drawing.width} ${drawing.height}`, "aria-hidden": "true" },
    ...drawing.edges.map(edgeLine), ...drawing.edges.map(edgeLabel), ...drawing.nodes.map(node));
}

function edgeLine(edge: SmallEdge): SVGGElement {
  return svg("g", { class: edge.resting ? "wb-line wb-resting" : "wb-line", style: coloured(edge) },
    svg("path", { d: edge.path, fill: "none", "stroke-dasharray": edge.dashed ? "9 9" : undefined }), svg("path", { d: edge.arrow, class: "wb-tip-of" }));
}

function edgeLabel(edge: SmallEdge): SVGTextElement {
  return svg("text", { x: edge.x, y: edge.y + edge.size * 0.35, "font-size": edge.size, "text-anchor": "middle", class: "wb-label" }, edge.label);
}

function node(one: SmallNode): SVGGElement {
  return svg("g", { class: one.live ? `wb-node wb-${one.role}` : "wb-node wb-dead", style: coloured(one) },
    svg("rect", {
      x: one.x - one.width / 2, y: one.y - one.height / 2, width: one.width, height: one.height,
      rx: one.width === one.height ? one.height / 2 : 9,
    }),
    svg("text", { x: one.x, y: one.y + one.size * 0.35, "font-size": one.size, "text-anchor": "middle" }, one.label));
}
