// The browser half of ModuleTree: a module's layers with buttons for what each of them may become.

import { copy, html, put } from "./shared/dom";
import { type Frame, widget } from "./shared/frame";
import { listen, type Model } from "./shared/model";
import css from "./tree/tree.css";

type Answer = number | string;
type Offer = Answer[] | string | true;
type Picked = Answer[] | true;
interface Row { name: string; label: string; depth: number; about: string; inner: boolean; offers: Record<string, Offer> }
type Choices = Record<string, Record<string, Picked>>;

const MANY = 60; // rows from which the inner ones start folded

class Tree {
  private readonly rows: Row[];
  private readonly folded = new Set<string>();
  private readonly list = html("div", { class: "wb-rows", role: "tree" });
  private readonly size = html("span");
  private readonly code = html("pre");
  private readonly filter = html("input", { type: "search", placeholder: "find a layer", "aria-label": "Find a layer" });

  constructor(private readonly model: Model, private readonly frame: Frame) {
    this.rows = model.get("rows") as Row[];
    if (this.rows.length > MANY) this.rows.filter((row) => row.inner && row.depth > 0).forEach((row) => this.folded.add(row.name));
    this.build();
    this.show();
    this.tell();
  }

  listen(): () => void {
    const { model, frame } = this;
    const stops = [
      listen(model, "change:choices", frame.guard(() => this.show())),
      ...["size", "code", "message"].map((name) => listen(model, `change:${name}`, frame.guard(() => this.tell()))),
    ];
    return () => stops.forEach((stop) => stop());
  }

  private build(): void {
    const copyButton = html("button", { type: "button", title: "Copy the call that makes this space" }, "copy code");
    copyButton.addEventListener("click", () => {
      copy(String(this.model.get("code"))).then(() => this.frame.say("copied"), (error) => this.frame.alert(`Not copied: ${error}`));
    });
    const clear = html("button", { type: "button" }, "clear");
    clear.addEventListener("click", this.frame.guard(() => this.send({})));
    this.filter.addEventListener("input", this.frame.guard(() => this.show()));
    this.list.style.maxHeight = `${this.model.get("height")}px`;
    this.frame.root.append(
      html("div", { class: "wb-head" }, html("h3", {}, String(this.model.get("title"))), this.filter, this.size,
        html("div", { class: "wb-bar" }, clear, copyButton)),
      this.list, this.code,
    );
  }

  private get choices(): Choices { return this.model.get("choices") as Choices; }

  private send(choices: Choices): void {
    this.model.set("choices", choices);
    this.model.save_changes();
    this.show();
  }

  /** Picks an answer, or takes it back; a change without answers is no change. */
  private toggle(row: Row, kind: string, answer: Answer | true): void {
    const { [kind]: before, ...others } = this.choices[row.name] ?? {};
    const picked = Array.isArray(before) ? before : [];
    let after: Picked | undefined;
    if (answer === true) after = before === true ? undefined : true;
    else {
      const all = (row.offers[kind] as Answer[]).filter((one) => (one === answer) !== picked.includes(one));
      after = all.length > 0 ? all : undefined;
    }
    const layer = after === undefined ? others : { ...others, [kind]: after };
    const { [row.name]: _, ...rest } = this.choices;
    this.send(Object.keys(layer).length > 0 ? { ...rest, [row.name]: layer } : rest);
  }

  private show(): void {
    const focused = (document.activeElement as HTMLElement | null)?.dataset["key"];
    const wanted = this.filter.value.trim().toLowerCase();
    const visible = this.rows.filter((row) => wanted ? row.name.toLowerCase().includes(wanted) : !this.isFolded(row));
    this.list.replaceChildren(...visible.map((row) => this.row(row, wanted !== "")));
    if (focused) this.list.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  private isFolded(row: Row): boolean {
    return [...this.folded].some((name) => row.name.startsWith(`${name}.`));
  }

  private row(row: Row, flat: boolean): HTMLElement {
    const picked = this.choices[row.name] ?? {};
    const name = html("div", { class: "wb-name", style: `padding-left:${flat ? 0 : row.depth * 14}px` });
    if (row.inner && !flat) name.append(this.fold(row));
    name.append(flat ? row.name : row.label);
    const offers = Object.entries(row.offers).map(([kind, offer]) => this.offer(row, kind, offer, picked[kind]));
    return html("div", { class: Object.keys(picked).length > 0 ? "wb-tree-row wb-picked" : "wb-tree-row", role: "treeitem", "aria-level": row.depth + 1 },
      name, html("div", { class: "wb-about" }, row.about), html("div", { class: "wb-offers" }, ...offers));
  }

  private fold(row: Row): HTMLElement {
    const folded = this.folded.has(row.name);
    const button = html("button", { type: "button", "aria-expanded": !folded ? "true" : "false",
      "aria-label": `${folded ? "Open" : "Close"} ${row.name}`, "data-key": `fold ${row.name}` }, folded ? "▸" : "▾");
    button.addEventListener("click", this.frame.guard(() => {
      if (!this.folded.delete(row.name)) this.folded.add(row.name);
      this.show();
    }));
    return button;
  }

  private offer(row: Row, kind: string, offer: Offer, picked: Picked | undefined): HTMLElement {
    if (typeof offer === "string") return html("div", {}, html("span", { title: offer }, `${kind}: fixed`));
    const answers = offer === true ? [true as const] : offer;
    const buttons = answers.map((answer) => {
      const on = answer === true ? picked === true : Array.isArray(picked) && picked.includes(answer);
      const words = answer === true ? kind : String(answer);
      const button = html("button", { type: "button", "aria-pressed": String(on), "data-key": `${row.name} ${kind} ${words}` }, words);
      put(button, { "aria-label": answer === true ? `${row.name} may be left out` : `${row.name} ${kind} ${words}` });
      button.addEventListener("click", this.frame.guard(() => this.toggle(row, kind, answer)));
      return button;
    });
    return html("div", {}, ...(offer === true ? [] : [html("span", {}, kind)]), ...buttons);
  }

  private tell(): void {
    this.size.textContent = String(this.model.get("size"));
    this.code.textContent = String(this.model.get("code"));
    this.frame.alert(String(this.model.get("message")));
    this.frame.say(String(this.model.get("size")));
  }
}

export default widget("wb-tree", css, (model, frame) => new Tree(model, frame).listen());
