// The browser half of Neighborhood: shows every single edit with its change, takes steps, walks along the path.

import css from "./neighborhood/neighborhood.css";
import { unitOf, writtenChange, writtenValue } from "./neighborhood/change";
import { Matrix } from "./neighborhood/matrix";
import { Path } from "./neighborhood/path";
import { type Cell, State, type Trail } from "./neighborhood/state";
import { download, html, put } from "./shared/dom";
import { written } from "./shared/facts";
import { type Frame, widget } from "./shared/frame";
import { Link } from "./shared/link";
import { listen, type Model } from "./shared/model";
import { sheetOf } from "./shared/sheet";

const SILENT = 5000; // ms until the kernel's silence is reported

class Neighborhood {
  private readonly state: State;
  private readonly link: Link;
  private readonly matrix: Matrix;
  private readonly path: Path;
  private readonly menu = html("select", { "aria-label": "Change in" });
  private readonly subtitle = html("span");
  private readonly best = html("span");
  private readonly climb = html("button", { type: "button", title: "Take the best step" }, "take it");
  private trail: Trail;
  private timer = 0;
  private due = 0;

  constructor(private readonly model: Model, private readonly frame: Frame) {
    const { guard, root } = frame;
    const sheet = sheetOf(model);
    this.state = new State(model, sheet);
    this.trail = this.state.trail;
    this.link = new Link(model, frame);
    this.matrix = new Matrix(guard, Number(model.get("height")), (cell) => this.take(cell),
      (cell) => this.link.hover(cell === undefined || cell.here ? "" : cell.name), () => this.refresh());
    this.path = new Path(this.state, frame, (at) => this.go(at));
    this.menu.addEventListener("change", guard(() => this.choose(this.menu.value)));
    this.climb.addEventListener("click", guard(() => {
      const cell = this.bestCell();
      if (cell) this.take(cell);
    }));
    const exportButton = html("button", { type: "button", title: "Save the matrix as an SVG file", "aria-label": "Save the matrix as an SVG file" }, "export");
    exportButton.hidden = model.alone === true; // the kernel draws it
    exportButton.addEventListener("click", guard(() => model.send({ kind: "still" })));
    root.append(
      html("div", { class: "wb-head" }, html("h3", {}, String(model.get("title"))), html("span", {}, "change in ", this.menu, this.subtitle)),
      this.matrix.element,
      html("div", { class: "wb-foot" }, this.path.element, html("div", { class: "wb-best" }, this.best, " ", this.climb), exportButton),
    );
    root.addEventListener("keydown", guard((event: KeyboardEvent) => this.pressed(event)));
    this.link.onOpen((name) => this.opened(name));
    this.link.onHover((name) => this.matrix.mark(name));
    frame.alert(String(model.get("message")));
    this.refresh();
    sheet.onReady(guard(() => this.refresh()));
    requestAnimationFrame(() => model.send({ kind: "more" }));
  }

  listen(): () => void {
    const { model, frame } = this;
    const soon = frame.guard(() => this.soon());
    const stops = [
      ...["present", "numbers", "measure", "measures"].map((name) => listen(model, `change:${name}`, soon)),
      listen(model, "change:trail", frame.guard(() => this.trailSet())),
      listen(model, "change:message", frame.guard(() => frame.alert(String(model.get("message"))))),
      listen(model, "msg:custom", frame.guard((message: { kind: string; svg: string }) => {
        if (message.kind === "still") download(message.svg, "neighborhood.svg", "image/svg+xml");
      })),
    ];
    return () => {
      stops.forEach((stop) => stop());
      this.link.stop();
      this.path.stop();
      cancelAnimationFrame(this.due);
      clearTimeout(this.timer);
    };
  }

  // -- what the user does

  private take(cell: Cell): void {
    this.path.stop();
    if (cell.name !== "") this.step(cell.name);
    else {
      this.model.send({ kind: "step", question: cell.question, answer: cell.answer });
      this.wait();
    }
  }

  /** Goes to an architecture and leaves behind what came after the present stop of the path. */
  private step(name: string): void {
    this.leave(name);
    this.link.open(name);
    this.arrived();
  }

  private go(at: number): void {
    this.keep({ ...this.trail, at });
    this.link.open(this.trail.names[at] as string);
    this.arrived();
  }

  private pressed(event: KeyboardEvent): void {
    const key = event.key.toLowerCase();
    if (!event.ctrlKey && !event.metaKey) return;
    if (key === "z") this.path.walk(this.trail.at + (event.shiftKey ? 1 : -1));
    else if (key === "y") this.path.walk(this.trail.at + 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private choose(name: string): void {
    this.model.set("measure", name);
    this.model.save_changes();
    this.refresh();
    if (!this.state.fromSheet) this.wait();
  }

  // -- what others do

  private opened(name: string): void {
    if (this.trail.names[this.trail.at] !== name) {
      this.path.stop();
      this.leave(name);
      this.model.save_changes();
    }
    this.arrived();
  }

  /** The kernel's path, unless this view has gone on since. */
  private trailSet(): void {
    const trail = this.model.get("trail") as Trail;
    if (trail.stamp >= this.trail.stamp) this.trail = trail;
    else this.model.set("trail", this.trail);
    this.soon();
  }

  private leave(name: string): void {
    const names = [...this.trail.names.slice(0, this.trail.at + 1), name];
    this.keep({ ...this.trail, names, at: names.length - 1 });
  }

  private keep(trail: Trail): void {
    this.trail = { ...trail, stamp: Math.max(Date.now(), trail.stamp + 1) };
    this.model.set("trail", this.trail);
  }

  private arrived(): void {
    this.frame.alert("");
    this.refresh();
    if (!this.state.fromSheet) this.wait();
    const { words, unit } = this.state.measured;
    const value = this.state.valueOf(this.state.name);
    if (this.state.current) this.frame.say(`${words} ${writtenValue(value, unit)}; ${this.best.textContent ?? ""}`);
  }

  /** Says so when the kernel does not answer. */
  private wait(): void {
    clearTimeout(this.timer);
    const words = this.model.alone ? "This page has no kernel, which these numbers need." : "The kernel has not answered yet: these numbers need it.";
    this.timer = window.setTimeout(() => {
      const waiting = !this.state.fromSheet && this.state.progress === undefined && this.unknown();
      if (!this.state.current || waiting) this.frame.alert(words);
    }, this.model.alone ? 0 : SILENT);
  }

  private unknown(): boolean {
    return this.state.cells().flat().some((cell) => !cell.here && !cell.known);
  }

  // -- what is shown

  private soon(): void {
    this.due ||= requestAnimationFrame(this.frame.guard(() => this.refresh()));
  }

  private refresh(): void {
    this.due = 0;
    const { state } = this;
    const measured = state.measured;
    const progress = state.progress;
    this.frame.root.classList.toggle("wb-late", !state.current);
    this.matrix.show(state.rows, state.cells(), measured);
    this.path.show();
    this.showMenu();
    this.showBest();
    this.subtitle.textContent = progress ? ` ${progress[0]} of ${progress[1]} edits worked out` : ` ${unitOf(measured)}`;
  }

  private showMenu(): void {
    const { measures, measured } = this.state;
    if (measures.length !== this.menu.options.length) {
      this.menu.replaceChildren(...measures.map(({ name, words }) => html("option", { value: name }, words)));
    }
    this.menu.value = measured.name;
  }

  private showBest(): void {
    const cell = this.bestCell();
    const { unit } = this.state.measured;
    const none = this.state.progress || this.unknown() ? "" : "no neighbour is better";
    this.best.textContent = cell ? `best neighbour ${writtenChange(cell.change, unit)}` : none;
    this.climb.hidden = cell === undefined;
    const row = cell && this.state.rows.find(({ question }) => question === cell.question);
    if (cell && row) put(this.climb, { "aria-label": `Take the best step: ${row.label} to ${row.options[cell.answer]?.label}` });
  }

  private bestCell(): Cell | undefined {
    const sign = this.state.measured.better === "lower" ? -1 : 1;
    const better = this.state.cells().flat().filter((cell) => !cell.here && cell.makes && sign * cell.change > 0);
    return better.reduce<Cell | undefined>((best, cell) => (best && sign * best.change >= sign * cell.change ? best : cell), undefined);
  }
}

// Sheet and format go out with it for the tests, which hold both halves of the sheet against each other.
export default {
  ...widget("wb-neighborhood", css, (model, frame) => new Neighborhood(model, frame).listen()),
  sheetOf,
  written,
};
