// The browser half of CellEditor: shows the cell, changes an operation by mouse or keyboard, keeps undo and redo.

import css from "./editor/editor.css";
import { Menu, swatch } from "./editor/menu";
import { Picture } from "./editor/picture";
import { type Drawing, type Fact, foreseen, History, type Option, type Palette, questionsOf, same } from "./editor/state";
import { copy, download, html, put } from "./shared/dom";
import { type Frame, widget } from "./shared/frame";
import { type Answer, listen, type Model } from "./shared/model";

const LATE = 400; // ms without the kernel's answer until the numbers are shown as old
const SILENT = 5000; // ms until the silence itself is reported

class Editor {
  private drawing: Drawing;
  private readonly history: History;
  private selected = "";
  private timers: number[] = [];
  private readonly picture: Picture;
  private readonly menu: Menu;
  private readonly subtitle = html("span");
  private readonly chips = html("div", { class: "wb-bar", role: "toolbar", "aria-label": "Operations" });
  private readonly undoButton = this.button("↶", "Undo (Ctrl+Z)", () => this.travel("undo"));
  private readonly redoButton = this.button("↷", "Redo (Ctrl+Y)", () => this.travel("redo"));
  private readonly more = html("div", { class: "wb-more" });
  private readonly facts = html("div", { class: "wb-facts" });
  private readonly text = html("div", { class: "wb-text" });

  constructor(private readonly model: Model, private readonly frame: Frame) {
    this.drawing = model.get("drawing") as Drawing;
    this.history = new History(this.drawing.decisions);
    this.picture = new Picture((question) => this.keysHint(question), Number(model.get("height")));
    this.menu = new Menu(frame.guard((question, answer) => this.choose(question, answer)));
    this.build();
    this.refresh();
  }

  listen(): () => void {
    const { model, frame } = this;
    const stops = [
      listen(model, "change:drawing", frame.guard(() => this.adopt())),
      listen(model, "change:palette", frame.guard(() => this.refresh())),
      listen(model, "change:message", frame.guard(() => frame.alert(String(model.get("message"))))),
      listen(model, "msg:custom", frame.guard((message: { kind: string; svg: string }) => {
        if (message.kind === "still") download(message.svg, "cell.svg", "image/svg+xml");
      })),
    ];
    return () => {
      stops.forEach((stop) => stop());
      this.timers.forEach(clearTimeout);
    };
  }

  private build(): void {
    const { root, guard, alert } = this.frame;
    const copyButton = this.button("copy", "Copy the architecture's text", () => {
      copy(String(this.model.get("text"))).then(() => this.frame.say("copied"), (error) => alert(`Not copied: ${error}`));
    });
    const exportButton = this.button("export", "Save the drawing as an SVG file", () => this.model.send({ kind: "still" }));
    const figure = html("div", { class: "wb-figure" }, html("div", { class: "wb-scroll" }, this.picture.element), this.menu.element);
    root.append(
      html("div", { class: "wb-head" }, html("h3", {}, String(this.model.get("title"))), this.subtitle,
        html("div", { class: "wb-bar" }, this.undoButton, this.redoButton, copyButton, exportButton)),
      this.chips,
      figure, this.more, this.facts, this.text,
    );
    root.addEventListener("keydown", guard((event) => this.pressed(event)));
    this.picture.element.addEventListener("click", guard((event) => this.clicked(event)));
    this.picture.element.addEventListener("focusin", guard((event) => this.select(asked(event.target) ?? this.selected)));
    this.frame.alert(String(this.model.get("message")));
  }

  private button(label: string, title: string, work: () => void): HTMLButtonElement {
    const button = html("button", { type: "button", title, "aria-label": title }, label);
    button.addEventListener("click", () => this.frame.guard(work)());
    return button;
  }

  // -- what the user does

  private clicked(event: MouseEvent): void {
    const question = asked(event.target);
    if (question === undefined) return this.menu.close(false);
    this.open(question);
  }

  private open(question: string): void {
    const opener = this.picture.of(question);
    if (!opener) return;
    this.select(question);
    this.menu.show(opener, this.besides(question).map((asked) =>
      ({ question: asked, options: this.options(asked), current: this.history.present[asked] })));
  }

  /** The questions that are answered on the same edge or node as `question`. */
  private besides(question: string): string[] {
    const marks = [...this.drawing.edges, ...this.drawing.nodes].map(questionsOf);
    return marks.find((questions) => questions.includes(question)) ?? [question];
  }

  private pressed(event: KeyboardEvent): void {
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    const question = asked(event.target);
    if (command && key === "z") this.travel(event.shiftKey ? "redo" : "undo");
    else if (command && key === "y") this.travel("redo");
    else if (command || event.altKey || question === undefined || this.menu.open) return;
    else if (/^[1-9]$/.test(key)) this.chooseNumber(question, Number(key) - 1);
    else if (key === "arrowright" || key === "arrowdown") this.cycle(question, 1);
    else if (key === "arrowleft" || key === "arrowup") this.cycle(question, -1);
    else if (key === "enter" || key === " ") this.open(question);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private chooseNumber(question: string, number: number): void {
    const option = this.options(question)[number];
    if (option) this.choose(question, option.answer);
  }

  private cycle(question: string, step: number): void {
    const options = this.options(question);
    const at = options.findIndex((option) => option.answer === this.history.present[question]);
    this.chooseNumber(question, (at + step + options.length) % options.length);
  }

  private choose(question: string, answer: Answer): void {
    if (this.history.present[question] === answer) return;
    this.history.push({ ...this.history.present, [question]: answer });
    const option = this.options(question).find((one) => one.answer === answer);
    if (option) this.drawing = foreseen(this.drawing, question, option);
    this.send();
  }

  private travel(way: "undo" | "redo"): void {
    const before = this.history.present;
    const decisions = this.history[way]();
    if (decisions === undefined) return;
    for (const [question, answer] of Object.entries(decisions)) {
      const option = this.options(question).find((one) => one.answer === answer);
      if (option && before[question] !== answer) this.drawing = foreseen(this.drawing, question, option);
    }
    this.send();
  }

  // -- to and from the kernel

  private send(): void {
    this.refresh();
    this.model.set("revision", Number(this.model.get("revision")) + 1);
    this.model.set("decisions", this.history.present);
    this.model.save_changes();
    this.timers.forEach(clearTimeout);
    this.timers = [
      window.setTimeout(() => this.frame.root.classList.add("wb-late"), LATE),
      window.setTimeout(() => this.frame.alert("The kernel has not answered yet: the numbers are those before the edit."), SILENT),
    ];
  }

  /** Takes the kernel's drawing, unless it answers an edit that a newer one has overtaken. */
  private adopt(): void {
    const drawing = this.model.get("drawing") as Drawing;
    if (drawing.revision < Number(this.model.get("revision"))) return;
    this.timers.forEach(clearTimeout);
    this.frame.root.classList.remove("wb-late");
    this.frame.alert(String(this.model.get("message")));
    if (drawing.refused) this.history.refuse(drawing.decisions);
    else if (!same(drawing.decisions, this.history.present)) this.history.push(drawing.decisions);
    this.drawing = drawing;
    this.refresh();
    this.frame.say(this.spoken());
  }

  // -- what is shown

  private refresh(): void {
    this.picture.show(this.drawing);
    this.picture.select(this.selected);
    this.showChips();
    this.showMore();
    this.showFacts();
    const edits = this.history.edits;
    this.subtitle.textContent = edits === 0 ? "" : `edited ${edits} time${edits === 1 ? "" : "s"}`;
    this.undoButton.disabled = !this.history.canUndo;
    this.redoButton.disabled = !this.history.canRedo;
  }

  private select(question: string): void {
    if (question === this.selected) return;
    this.selected = question;
    this.picture.select(question);
    this.showChips();
  }

  private showChips(): void {
    const first = [...this.drawing.edges, ...this.drawing.nodes].flatMap(questionsOf)[0];
    const shown = this.selected in this.palette ? this.selected : first;
    if (shown === undefined) return this.chips.replaceChildren();
    const chips = this.besides(shown).flatMap((question) => this.options(question).map((option, i) => {
      const current = this.selected !== "" && this.history.present[question] === option.answer;
      const number = question === shown && i < 9 ? String(i + 1) : "";
      const chip = html("button", { class: "wb-chip", type: "button", "aria-pressed": String(current) },
        swatch(option), html("kbd", {}, number), option.label);
      put(chip, { title: this.selected ? `Set ${question} to ${option.label}` : "Choose an operation in the drawing first" });
      chip.disabled = this.selected === "";
      chip.addEventListener("click", this.frame.guard(() => this.choose(question, option.answer)));
      return chip;
    }));
    const focused = [...this.chips.children].indexOf(document.activeElement as Element);
    this.chips.replaceChildren(...chips);
    chips[focused]?.focus();
  }

  /** A list for every question that the drawing does not show. */
  private showMore(): void {
    const drawn = new Set([...this.drawing.edges, ...this.drawing.nodes].flatMap(questionsOf));
    const rest = Object.keys(this.palette).filter((question) => !drawn.has(question) && question in this.history.present);
    const focused = (document.activeElement as HTMLElement | null)?.dataset["choice"];
    this.more.hidden = rest.length === 0;
    this.more.replaceChildren(...rest.map((question) => {
      const options = this.options(question);
      const list = html("select", { "data-choice": question }, ...options.map((option) => html("option", {}, option.label)));
      list.selectedIndex = options.findIndex((option) => option.answer === this.history.present[question]);
      list.addEventListener("change", this.frame.guard(() => this.chooseNumber(question, list.selectedIndex)));
      return html("label", {}, `${question} `, list);
    }));
    if (focused !== undefined) this.more.querySelector<HTMLElement>(`[data-choice="${CSS.escape(focused)}"]`)?.focus();
  }

  private showFacts(): void {
    const facts = this.model.get("facts") as Fact[];
    this.facts.hidden = facts.length === 0;
    this.facts.replaceChildren(...facts.map((fact) => html("div", {},
      html("b", {}, fact.value, ...(fact.spread ? [html("small", {}, ` ${fact.spread}`)] : [])),
      html("span", {}, fact.label), ...(fact.note ? [html("span", {}, fact.note)] : []))));
    this.text.textContent = String(this.model.get("text"));
  }

  private spoken(): string {
    const facts = this.model.get("facts") as Fact[];
    return facts.map((fact) => [fact.label, fact.value, fact.note].filter(Boolean).join(" ")).join("; ");
  }

  private keysHint(question: string): string {
    const count = Math.min(this.options(question).length, 9);
    return count > 1 ? `press 1 to ${count} to change` : "";
  }

  private options(question: string): Option[] {
    return this.palette[question] ?? [];
  }

  private get palette(): Palette {
    return this.model.get("palette") as Palette;
  }
}

function asked(target: EventTarget | null): string | undefined {
  const holder = target instanceof Element ? target.closest("[data-question]") : null;
  return (holder as SVGElement | null)?.dataset["question"];
}

export default widget("wb-editor", css, (model, frame) => new Editor(model, frame).listen());
