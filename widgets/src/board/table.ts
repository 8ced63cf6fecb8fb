// Every proxy in a table: its direction with a switch that turns it round, its agreement, its gaps, cost and needs.

import { html } from "../shared/dom";
import { Panel } from "./marks";
import { figure, type Links, type Row, type State, time } from "./state";

export class Table {
  readonly panel: Panel;
  private readonly body = html("tbody");
  private readonly agreement = html("th", { scope: "col" });

  constructor(private readonly links: Links) {
    const heads = ["proxy", "better", ""].map((words) => html(words ? "th" : "td", words ? { scope: "col" } : {}, words));
    const rest = ["architectures", "missing", "cost", "needs"].map((words) => html("th", { scope: "col" }, words));
    const table = html("table", {}, html("thead", {}, html("tr", {}, ...heads, this.agreement, ...rest)), this.body);
    this.panel = new Panel("wb-table", "Proxies", html("div", { class: "wb-scroll" }, table));
  }

  draw(state: State): void {
    const { agreed } = state;
    this.agreement.textContent = `${agreed.words} with ${agreed.truth}`;
    const focused = this.body.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset["key"] : undefined;
    this.body.replaceChildren(...state.sorted.map((row) => this.row(row, state)));
    if (focused) [...this.body.querySelectorAll<HTMLElement>("[data-key]")].find((one) => one.dataset["key"] === focused)?.focus({ preventScroll: true });
  }

  private row(row: Row, state: State): HTMLElement {
    const column = state.column(row.name);
    const flipped = state.flipped.has(row.name);
    const chosen = state.chosen.includes(row.name);
    const { primary } = state;
    const lower = column.lower !== flipped;
    const name = html("button", { type: "button", class: "wb-link", "data-key": `name ${row.name}`, "aria-pressed": String(chosen), title: "Put it on the scatter's x axis" }, row.name);
    name.addEventListener("click", this.links.guard(() => this.links.choose(row.name)));
    const flip = html("button", {
      type: "button", "data-key": `flip ${row.name}`, "aria-pressed": String(flipped),
      "aria-label": `Turn the sign of ${row.name} round`, title: "Turn the sign round",
    }, "±");
    flip.addEventListener("click", this.links.guard(() => this.links.flip(row.name)));
    const interval = html("span", { class: "wb-quiet" }, ` ${figure(row.lows[primary])} to ${figure(row.highs[primary])}`);
    return html("tr", { class: chosen ? "wb-chosen" : "" },
      html("th", { scope: "row" }, name, ...(row.baseline ? [html("span", { class: "wb-quiet" }, " free baseline")] : [])),
      html("td", {}, `${lower ? "↓ lower" : "↑ higher"}${flipped ? " (turned)" : ""}`), html("td", {}, flip),
      html("td", { class: "wb-figure" }, html("b", {}, figure(state.value(row))), interval),
      html("td", { class: "wb-figure" }, row.n.toLocaleString("en-US")),
      html("td", { class: "wb-figure" }, row.missing ? row.missing.toLocaleString("en-US") : "none"),
      html("td", { class: "wb-figure" }, time(column.seconds), ...(column.cost ? [html("span", { class: "wb-quiet" }, ` ${column.cost}`)] : [])),
      html("td", {}, column.needs || "–"));
  }
}
