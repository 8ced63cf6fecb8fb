// The browser half of ProxyBoard: six views of the same scores, where what is picked in one is shown in all.

import { Agreement } from "./board/agreement";
import css from "./board/board.css";
import { Cards } from "./board/cards";
import { Cost } from "./board/cost";
import { Heatmap } from "./board/heatmap";
import { Panel } from "./board/marks";
import { type Links, State } from "./board/state";
import { Table } from "./board/table";
import mapCss from "./map/map.css";
import { type Field, Scatter } from "./map/scatter";
import { html } from "./shared/dom";
import { type Frame, widget } from "./shared/frame";
import { listen, type Model } from "./shared/model";
import { Soon } from "./shared/soon";

const LEFT = 68; // pixels for ranks of five digits

type View = "agreement" | "heatmap" | "cost" | "cards" | "table";

/** Which views a trait shows in: a selection must not redraw what it does not change. */
const SHOWN: Record<string, View[]> = {
  agreed: ["agreement", "heatmap", "cost", "table"], population: ["agreement"], inside: ["agreement", "cards"], cards: ["cards"],
  matrix: ["heatmap"], chosen: ["agreement", "heatmap", "cost", "cards", "table"], flipped: ["agreement", "table"], by_rank: [],
};
const ALL: View[] = ["agreement", "heatmap", "cost", "cards", "table"];

class Board {
  private readonly links: Links;
  private readonly agreement: Agreement;
  private readonly heatmap: Heatmap;
  private readonly cost: Cost;
  private readonly cards: Cards;
  private readonly table: Table;
  private readonly scatter: Scatter;
  private readonly scatterPanel: Panel;
  private readonly rankButtons = new Map<boolean, HTMLButtonElement>();
  private readonly stale = new Set<View>(ALL);
  private width = 0;
  private readonly soon: Soon;

  constructor(private readonly model: Model, private readonly frame: Frame) {
    this.links = this.linked();
    this.soon = new Soon(frame.root, frame.guard(() => this.draw()));
    const { links } = this;
    this.agreement = new Agreement(String(model.get("title")), model.get("statistics") as { name: string; words: string }[], links);
    this.heatmap = new Heatmap(links);
    this.cost = new Cost(String(model.get("cost_note")), links);
    this.cards = new Cards(links);
    this.table = new Table(links);
    this.scatter = new Scatter(model, frame, () => this.fields(), "Scatter", LEFT);
    this.scatter.menus.append(html("i", { class: "wb-space" }), this.rankSwitch());
    this.scatterPanel = new Panel("wb-scatter", "", this.scatter.menus, this.scatter.stage, this.scatter.foot);
    this.scatterPanel.head.append(this.scatter.modes);
    const panels = [this.agreement, this.heatmap, this.cost, this.cards, this.table].map((view) => view.panel.element);
    panels.splice(1, 0, this.scatterPanel.element);
    frame.root.append(html("div", { class: "wb-panels" }, ...panels));
  }

  listen(): () => void {
    const { model, frame } = this;
    const size = new ResizeObserver(frame.guard(() => {
      if (frame.root.clientWidth === this.width) return;
      this.width = frame.root.clientWidth;
      this.redraw(ALL);
    }));
    size.observe(frame.root);
    const stops = [
      this.scatter.listen(),
      ...Object.entries(SHOWN).map(([name, views]) => listen(model, `change:${name}`, frame.guard(() => this.redraw(views)))),
      listen(model, "change:agreed", frame.guard(() => this.goOn())),
    ];
    this.goOn();
    return () => {
      stops.forEach((stop) => stop());
      size.disconnect();
      this.soon.stop();
    };
  }

  /** Intervals are made a little at a time: the kernel makes the next ones once these are on the screen. */
  private goOn(): void {
    if (!new State(this.model).agreed.done) requestAnimationFrame(this.frame.guard(() => this.model.send({ kind: "more" })));
  }

  /** Draws these views before the next frame, however many traits have changed. */
  private redraw(views: View[]): void {
    views.forEach((view) => this.stale.add(view));
    this.soon.ask();
  }

  private draw(): void {
    const started = performance.now();
    const state = new State(this.model);
    this.frame.root.classList.toggle("wb-timeless", !state.columns.some((column) => column.seconds !== null));
    const { stale } = this;
    if (stale.has("agreement")) this.agreement.draw(state, String(this.model.get("population")));
    if (stale.has("heatmap")) this.heatmap.draw(state);
    if (stale.has("cost")) this.cost.draw(state);
    if (stale.has("cards")) this.cards.draw(state);
    if (stale.has("table")) this.table.draw(state);
    stale.clear();
    this.scatterPanel.heading.textContent = `${state.chosen[0]} against ${state.chosen[1]}`;
    for (const [byRank, button] of this.rankButtons) button.setAttribute("aria-pressed", String(this.model.get("by_rank") === byRank));
    this.frame.root.dataset["drawMs"] = (performance.now() - started).toFixed(1);
  }

  private linked(): Links {
    const { model, frame } = this;
    const save = (name: string, value: unknown) => {
      model.set(name, value);
      model.save_changes();
    };
    return {
      choose: (x, y) => {
        const [oldX, oldY] = model.get("chosen") as [string, string];
        save("chosen", [x || oldX, y || oldY]);
        frame.say(`${x || oldX} against ${y || oldY}`);
      },
      flip: (name) => {
        const flipped = model.get("flipped") as string[];
        save("flipped", flipped.includes(name) ? flipped.filter((one) => one !== name) : [...flipped, name]);
      },
      set: save,
      click: (row) => this.scatter.click(row),
      look: (row) => this.scatter.look(row),
      say: frame.say,
      guard: frame.guard,
    };
  }

  private fields(): Field[] {
    const { model, links } = this;
    const names = new State(model).columns.map((column) => column.name);
    const [x, y] = model.get("chosen") as [string, string];
    return [
      { key: "x", words: "x", names, value: x, choose: (name) => links.choose(name) },
      { key: "y", words: "y", names, value: y, choose: (name) => links.choose("", name) },
      { key: "color", words: "colour", names: ["", ...names], value: String(model.get("color")), choose: (name) => this.save("color", name) },
    ];
  }

  private save(name: string, value: unknown): void {
    this.model.set(name, value);
    this.model.save_changes();
  }

  private rankSwitch(): HTMLElement {
    const group = html("div", { class: "wb-bar", role: "group", "aria-label": "Axes show" });
    for (const [byRank, words] of [[true, "ranks"], [false, "values"]] as const) {
      const button = html("button", { type: "button", title: `Show ${words} on the axes` }, words);
      button.addEventListener("click", this.frame.guard(() => this.save("by_rank", byRank)));
      this.rankButtons.set(byRank, button);
      group.append(button);
    }
    return group;
  }
}

export default widget("wb-board", mapCss + css, (model, frame) => new Board(model, frame).listen());
