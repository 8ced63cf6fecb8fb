// The browser half of EnrichmentPanel: what the selection of the linked maps has more or less often than all.

import css from "./enrichment/enrichment.css";
import { type Found, holdersOf, type Row, rowButton, Scale } from "./enrichment/rows";
import { html } from "./shared/dom";
import { type Frame, widget } from "./shared/frame";
import { Link, rowsIn } from "./shared/link";
import { listen, type Model } from "./shared/model";

const KINDS = [["answer", "answers"], ["operation", "operations"], ["motif", "motifs"]] as const;
const REST = 5; // milliseconds that Python has for others between two parts of the preparation
const number = (n: number) => n.toLocaleString("en-US");

class Panel {
  private readonly heading = html("h3");
  private readonly against = html("span");
  private readonly list = html("div", { class: "wb-rows" });
  private readonly note = html("div", { class: "wb-note", role: "status" });
  private readonly back = html("button", { type: "button", hidden: true, title: "Select again what was selected before" });
  private readonly kinds = html("div", { class: "wb-bar", role: "group", "aria-label": "Shown" });
  private readonly link: Link;
  private readonly before: Uint32Array[] = [];
  private timer = 0;

  constructor(private readonly model: Model, private readonly frame: Frame) {
    this.link = new Link(model, frame);
    for (const [kind, words] of KINDS) {
      const button = html("button", { type: "button", "data-kind": kind }, words);
      button.addEventListener("click", frame.guard(() => this.turn(kind)));
      this.kinds.append(button);
    }
    this.back.addEventListener("click", frame.guard(() => this.goBack()));
    this.list.addEventListener("pointerleave", frame.guard(() => this.link.mark()));
    frame.root.append(
      html("div", { class: "wb-head" }, this.heading, this.against),
      html("div", { class: "wb-bar" }, this.kinds, html("i", { class: "wb-space" }), this.back),
      this.list, this.note,
    );
  }

  listen(): () => void {
    const draw = this.frame.guard(() => this.draw());
    const tell = this.frame.guard(() => this.tell());
    const stops = [
      ...["found", "kinds"].map((name) => listen(this.model, `change:${name}`, draw)),
      listen(this.model, "change:selected", tell),
    ];
    this.link.onSelect(tell);
    this.draw();
    return () => {
      stops.forEach((stop) => stop());
      this.link.stop();
      clearTimeout(this.timer);
    };
  }

  private get found(): Found { return this.model.get("found") as Found; }

  private get selected(): Uint32Array { return rowsIn(this.model.get("selected")); }

  private turn(kind: string): void {
    const shown = this.model.get("kinds") as string[];
    this.model.set("kinds", shown.includes(kind) ? shown.filter((one) => one !== kind) : [...shown, kind]);
    this.model.save_changes();
    this.draw();
  }

  private draw(): void {
    const { found } = this;
    const kinds = this.model.get("kinds") as string[];
    const top = Number(this.model.get("top"));
    for (const button of this.kinds.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(kinds.includes(button.dataset["kind"] ?? "")));
    }
    const rows = found.rows.map((row, place) => ({ row, place })).filter(({ row }) => kinds.includes(row.kind));
    const more = rows.filter(({ row }) => row.lift > 1).slice(0, top);
    const less = rows.filter(({ row }) => row.lift <= 1).slice(0, Math.max(1, Math.floor(top / 2)));
    const scale = new Scale([...more, ...less].map(({ row }) => row));
    const group = (words: string, some: { row: Row; place: number }[]) => (some.length === 0 ? [] : [
      html("h4", {}, words),
      html("ul", { "aria-label": words }, ...some.map(({ row, place }) => html("li", {}, this.button(row, place, scale)))),
    ]);
    const focused = [...this.list.querySelectorAll("button")].indexOf(document.activeElement as HTMLButtonElement);
    this.list.style.setProperty("--wb-one", `${100 * scale.one}%`);
    this.list.replaceChildren(...group("more often", more), ...group("less often", less));
    this.list.querySelectorAll("button")[focused]?.focus();
    this.against.textContent = `enriched against ${found.against}`;
    this.tell();
    if (found.state === "preparing") this.goOn();
  }

  private button(row: Row, place: number, scale: Scale): HTMLElement {
    const { frame, link } = this;
    const button = rowButton(row, scale);
    const holders = () => holdersOf(this.model, place);
    const mark = frame.guard(() => link.mark(holders()));
    const unmark = frame.guard(() => link.mark());
    button.addEventListener("pointerenter", mark);
    button.addEventListener("focus", mark);
    button.addEventListener("pointerleave", unmark);
    button.addEventListener("blur", unmark);
    button.addEventListener("click", frame.guard(() => {
      this.before.push(this.selected);
      this.select(holders());
      frame.say(`${number(holders().length)} selected: ${row.words}`);
    }));
    return button;
  }

  private select(rows: Uint32Array): void {
    this.link.mark();
    this.link.select(rows);
    this.tell();
  }

  private goBack(): void {
    const rows = this.before.pop();
    if (rows) this.select(rows);
  }

  /** How many are selected, and what there is to know about the rows that are shown. */
  private tell(): void {
    const { found, selected } = this;
    this.heading.textContent = selected.length ? `What the ${number(selected.length)} selected share` : "What the selection shares";
    const before = this.before.at(-1);
    this.back.hidden = before === undefined;
    if (before) this.back.textContent = `back to the ${number(before.length)}`;
    const counted = rowsIn(this.model.get("counted"));
    const old = found.rows.length > 0 && (found.selected !== selected.length || (found.selected === counted.length && !same(counted, selected)));
    this.list.classList.toggle("wb-old", old);
    this.note.textContent = old ? this.oldWords(counted.length) : this.words();
    this.note.hidden = this.note.textContent === "";
  }

  private oldWords(counted: number): string {
    const earlier = `These rows are about an earlier selection of ${number(counted)}.`;
    return this.model.alone ? `${earlier} Counting another one needs Python, which is not running here.` : `${earlier} Waiting for Python.`;
  }

  private words(): string {
    const { found } = this;
    if (found.state === "preparing" && this.model.alone) return "The features were not ready when this page was saved.";
    if (found.state === "preparing") return `${found.words} ${Math.round(100 * found.share)} %`;
    if (found.rows.length === 0) return found.words;
    if (this.list.childElementCount === 0) return "Nothing of this kind stands out.";
    if (found.counted !== found.selected) return `Counted for ${number(found.counted ?? 0)} of them, which are among those drawn.`;
    return "";
  }

  /** The kernel prepares the features a little at a time: the next part when this one is told. */
  private goOn(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(this.frame.guard(() => this.model.send({ kind: "more" })), REST);
  }
}

function same(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && a.every((row, i) => row === b[i]);
}

export default widget("wb-enrichment", css, (model, frame) => new Panel(model, frame).listen());
