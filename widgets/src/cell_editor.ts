// The browser half of CellEditor: puts the drawing, its gestures, the palette and the facts together.

import { Asked } from "./editor/asked";
import { clipboard } from "./editor/clipboard";
import askedCss from "./editor/asked.css";
import css from "./editor/editor.css";
import { exportMenu } from "./editor/exports";
import { Folds } from "./editor/folds";
import { Lists } from "./editor/lists";
import { Menu } from "./editor/menu";
import { Numbers, spoken } from "./editor/numbers";
import { type Choice, Chips, fitting } from "./editor/palette";
import { Picking } from "./editor/picking";
import { Picture } from "./editor/picture";
import { join, type Session, type View } from "./editor/session";
import { besides, type Decisions, type Drawing, type Option, type Palette } from "./editor/state";
import { Viewport } from "./editor/viewport";
import { Wiring } from "./editor/wiring";
import { copy, html, put } from "./shared/dom";
import { type Frame, widget } from "./shared/frame";
import { Link } from "./shared/link";
import { listen, type Model } from "./shared/model";
import { type Sheet, sheetOf } from "./shared/sheet";

class Editor implements View {
  readonly sheet: Sheet;
  private readonly session: Session;
  private readonly link: Link;
  private readonly picture: Picture;
  private readonly viewport: Viewport;
  private readonly folds: Folds;
  private readonly picking: Picking;
  private readonly wiring: Wiring;
  private readonly menu: Menu;
  private readonly chips: Chips;
  private readonly lists: Lists;
  private readonly numbers = new Numbers();
  private pressing = false;
  private readonly asked: Asked;
  private readonly exports: ReturnType<typeof exportMenu>;
  private readonly subtitle = html("span");
  private readonly undoButton = this.button("↶", "Undo (Ctrl+Z)", () => this.session.travel("undo", this));
  private readonly redoButton = this.button("↷", "Redo (Ctrl+Y)", () => this.session.travel("redo", this));
  private readonly compareButton = this.button("compare", "Put this architecture on the compare tray (c)", () => this.compare());
  private readonly stale = html("p", { class: "wb-stale", hidden: true }, "An earlier architecture is drawn: only the kernel can draw this one.");
  private readonly text = html("div", { class: "wb-text" });

  constructor(readonly model: Model, readonly frame: Frame) {
    this.sheet = sheetOf(model);
    this.picture = new Picture((question) => this.keysHint(question), Number(model.get("height")));
    this.session = join(this);
    this.link = new Link(model, frame);
    this.viewport = new Viewport(this.picture, frame.guard);
    this.folds = new Folds(model, frame, this.picture.element);
    const pans = (event: PointerEvent) => this.viewport.pans(event);
    const drawing = () => this.drawing;
    this.picking = new Picking(this.picture, drawing, () => this.chips.show(), pans);
    this.wiring = new Wiring(model, frame, this.picture, {
      drawing, edit: (decisions) => this.edit(decisions), wires: () => this.wires.length > 0, hindrance: () => this.hindrance(),
    }, pans);
    this.menu = new Menu(frame.guard((question, answer) => this.choose({ question, answer })));
    this.chips = new Chips({
      drawing, palette: () => this.palette, chosen: () => this.picking.last,
      current: (question) => this.session.history.present[question],
      choose: (choice) => this.choose(choice), drop: (choice, question) => this.dropped(choice, question),
    }, this.picture, frame.guard);
    this.lists = new Lists(frame.guard((question, place) => this.chooseNumber(question, place)));
    const shown = { decisions: () => this.session.history.present, text: () => this.session.text };
    this.asked = new Asked(model, frame, shown);
    this.exports = exportMenu(model, frame, shown);
    this.build();
    this.changed();
    this.frame.alert(String(model.get("message")));
  }

  listen(): () => void {
    const { model, frame, session } = this;
    const stops = [
      listen(model, "change:drawing", frame.guard(() => { if (session.adopt(this)) frame.say(spoken(session.facts)); })),
      listen(model, "change:palette", frame.guard(() => this.changed())),
      listen(model, "change:message", frame.guard(() => frame.alert(String(model.get("message"))))),
      listen(model, "comm_live_update", frame.guard(() => this.changed())),
      listen(model, "msg:custom", frame.guard((message) => this.heard(message))),
      clipboard(frame, {
        drawing: () => this.drawing, palette: () => this.palette, decisions: () => session.history.present,
        chosen: () => this.picking.chosen, text: () => session.text, edit: (decisions) => this.edit(decisions), read: (text) => this.read(text),
      }),
    ];
    this.link.onOpen((name) => session.open(name, this));
    this.link.onMembers(() => this.showCompare());
    this.sheet.onReady(frame.guard(() => this.changed()));
    this.showCompare();
    return () => {
      for (const stop of stops) stop();
      for (const part of [this.viewport, this.folds, this.picking, this.wiring, this.chips, this.asked, this.exports, this.link]) part.stop();
      session.leave(this);
    };
  }

  get kernelGone(): boolean {
    return this.model.alone === true || this.frame.gone();
  }

  get absence(): string {
    return this.model.alone ? "this page has no kernel" : "the kernel is gone";
  }

  tell(name: string): void { this.link.open(name); }

  private build(): void {
    const { root, guard, alert } = this.frame;
    const { element } = this.picture;
    const copyButton = this.button("copy", "Copy the architecture's text", () => {
      copy(this.session.text).then(() => this.frame.say("copied"), (error) => alert(`Not copied: ${error}`));
    });
    put(element, { tabindex: 0 });
    const figure = html("div", { class: "wb-figure" }, html("div", { class: "wb-scroll" }, element),
      this.viewport.bar, this.menu.element, this.picking.band, this.chips.tip.element, this.wiring.tip.element);
    root.append(
      html("div", { class: "wb-head" }, html("h3", {}, String(this.model.get("title"))), this.subtitle,
        html("div", { class: "wb-bar" }, this.undoButton, this.redoButton, this.compareButton, copyButton, this.exports.element)),
      this.chips.element, this.folds.element, figure, this.stale, this.lists.element, this.numbers.element, this.asked.element, this.text,
    );
    root.addEventListener("keydown", guard((event) => this.pressed(event)));
    element.addEventListener("pointerdown", () => {
      this.pressing = true;
      setTimeout(() => { this.pressing = false; }, 0); // the focus has moved by then
    }, { capture: true });
    element.addEventListener("pointerdown", guard((event) => this.picking.pressed(event)));
    element.addEventListener("click", guard((event) => this.clicked(event)));
    element.addEventListener("focusin", guard((event) => {
      const question = asked(event.target);
      if (question !== undefined && !this.pressing) this.picking.focused(question); // a click chooses by itself
    }));
  }

  private button(label: string, title: string, work: () => void): HTMLButtonElement {
    const button = html("button", { type: "button", title, "aria-label": title }, label);
    button.addEventListener("click", () => this.frame.guard(work)());
    return button;
  }

  // -- what the user does

  private clicked(event: MouseEvent): void {
    const question = asked(event.target);
    if (question === undefined) {
      this.menu.close(false);
      if (event.target instanceof Element && !event.target.closest("[data-node], [data-edge]")) this.picking.clear();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.shiftKey) return this.picking.toggle(question);
    this.picking.only(question);
    this.open(question);
  }

  private open(question: string): void {
    const opener = this.picture.of(question);
    if (!opener) return;
    this.menu.show(opener, besides(this.drawing, question).map((asked) =>
      ({ question: asked, options: this.options(asked), current: this.session.history.present[asked] })));
  }

  private pressed(event: KeyboardEvent): void {
    if (event.defaultPrevented || this.menu.open || (event.target as Element).closest("input, textarea, select")) return;
    const command = event.ctrlKey || event.metaKey;
    const done = command ? this.commanded(event) : !event.altKey && this.keyed(event);
    if (!done) return;
    event.preventDefault();
    event.stopPropagation();
  }

  private commanded(event: KeyboardEvent): boolean {
    const key = event.key.toLowerCase();
    const question = asked(event.target);
    if (key === "z") this.session.travel(event.shiftKey ? "redo" : "undo", this);
    else if (key === "y") this.session.travel("redo", this);
    else if (key === "a") this.picking.all();
    else if ((key === " " || key === "enter") && question !== undefined) this.picking.toggle(question);
    else return false;
    return true;
  }

  private keyed(event: KeyboardEvent): boolean {
    const key = event.key.toLowerCase();
    const question = asked(event.target);
    if (key === "escape" && this.picking.chosen.length > 1) this.picking.clear();
    else if (key === "c" && !this.compareButton.hidden) this.compare();
    else if (event.target === this.picture.element) return this.viewport.key(event.key);
    else if (question === undefined) return false;
    else if (/^[1-9]$/.test(key)) this.chooseNumber(question, Number(key) - 1);
    else if (key === "arrowright" || key === "arrowdown") this.cycle(question, 1);
    else if (key === "arrowleft" || key === "arrowup") this.cycle(question, -1);
    else if (key === "enter" || key === " ") this.open(question);
    else return false;
    return true;
  }

  private chooseNumber(question: string, number: number): void {
    const option = this.options(question)[number];
    if (option) this.choose({ question, answer: option.answer });
  }

  private cycle(question: string, step: number): void {
    const options = this.options(question);
    const at = options.findIndex((option) => option.answer === this.session.history.present[question]);
    this.chooseNumber(question, (at + step + options.length) % options.length);
  }

  /** Gives an answer to every chosen mark that takes it, where the one asked is among them. */
  private choose(choice: Choice): void {
    const marks = this.picking.has(choice.question) ? this.picking.chosen : [];
    const others = marks.map((mark) => fitting(choice, mark, this.drawing, this.palette)).filter((question) => question !== undefined);
    const own = besides(this.drawing, choice.question);
    const questions = [choice.question, ...others.filter((question) => !own.includes(question))];
    this.edit({ ...this.session.history.present, ...Object.fromEntries(questions.map((question) => [question, choice.answer])) });
  }

  private dropped({ answer }: Choice, question: string): void {
    this.picking.only(question);
    this.edit({ ...this.session.history.present, [question]: answer });
  }

  private edit(decisions: Decisions): void {
    if (this.session.edit(decisions, this) && this.kernelGone) this.frame.say(spoken(this.session.facts));
  }

  /** Takes a pasted text: from the sheet where it has it, else the kernel reads it. */
  private read(text: string): void {
    const row = this.sheet.ready ? this.sheet.rowOf(text) : -1;
    if (row >= 0) this.edit(this.sheet.decisions(row));
    else if (this.kernelGone) this.frame.alert(`Not pasted: this is no architecture that the page knows, and ${this.absence}, so that nothing can read it.`);
    else this.model.send({ kind: "paste", text });
  }

  private compare(): void {
    if (!this.session.counted) return this.frame.alert("Not on the tray yet: the kernel has not named this architecture.");
    this.link.compare(this.session.text);
    this.frame.say("put on the compare tray");
  }

  private hindrance(): string {
    return this.kernelGone ? `Only the kernel knows which edges the space allows, and ${this.absence}. Run the notebook's cell again.` : "";
  }

  private heard(message: { kind?: string; text?: string; ask?: number; moves?: unknown }): void {
    if (message.kind === "targets") this.wiring.hear(message as Parameters<Wiring["hear"]>[0]);
    else if (message.kind === "refused") this.frame.alert(String(message.text));
  }

  // -- what is shown

  changed(): void {
    const { session, frame } = this;
    const { history } = session;
    this.picture.show(this.drawing);
    this.folds.show();
    this.wiring.dress();
    this.picking.show();
    this.chips.show();
    this.lists.show(this.drawing, this.palette, history.present, this.wires);
    this.numbers.show(session.facts);
    if (this.text.textContent !== session.text) this.text.textContent = session.text;
    const edits = history.edits === 0 ? "" : `edited ${history.edits} time${history.edits === 1 ? "" : "s"}`;
    const state = [edits, session.state].filter(Boolean).join(" · ");
    if (this.subtitle.textContent !== state) this.subtitle.textContent = state;
    this.undoButton.disabled = !history.canUndo;
    this.redoButton.disabled = !history.canRedo;
    frame.root.classList.toggle("wb-late", session.late);
    this.stale.hidden = session.drawn || !(this.kernelGone || session.silent);
    this.asked.refresh();
  }

  private showCompare(): void {
    this.compareButton.hidden = !this.link.hears("compare");
  }

  private keysHint(question: string): string {
    const count = Math.min(this.options(question).length, 9);
    const keys = count > 1 ? `press 1 to ${count} to change` : "";
    if (this.wires.length === 0) return keys;
    const onEdge = this.drawing.edges.some((edge) => edge.question === question);
    return [keys, onEdge ? "e to move its end, s its start, Delete to take it away" : "e to draw an edge"].filter(Boolean).join(", ");
  }

  private get drawing(): Drawing { return this.session.drawing; }

  private get palette(): Palette { return this.model.get("palette") as Palette; }

  /** The questions that are about edges. */
  private get wires(): string[] { return (this.model.get("wiring") ?? []) as string[]; }

  private options(question: string): Option[] { return this.palette[question] ?? []; }
}

function asked(target: EventTarget | null): string | undefined {
  const holder = target instanceof Element ? target.closest("[data-question]") : null;
  return (holder as SVGElement | null)?.dataset["question"];
}

export default widget("wb-editor", css + askedCss, (model, frame) => new Editor(model, frame).listen());
