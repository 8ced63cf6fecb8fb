// Repeated blocks, folded and expanded, and what is said while the kernel lays a large graph out.

import { html, put } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { listen, type Model } from "../shared/model";
import type { Drawing } from "./state";

const SILENT = 5000; // ms without the kernel until it is said that only the kernel lays out

/** What the kernel says about a drawing's repeated blocks: folded or not, whether there are any, those shown in full. */
export interface Folding { on: boolean; offered: boolean; expanded: { id: string; label: string }[] }

export class Folds {
  readonly element = html("div", { class: "wb-bar wb-folds", hidden: true });
  private readonly words = html("span", { role: "status" });
  private readonly stopButton = this.button("cancel", "Stop laying out; the drawing stays as it is", () => this.ask("cancel"));
  private readonly againButton = this.button("lay out", "Lay the graph out after all", () => this.ask("again"));
  private readonly toggle = this.button("fold repeats", "Draw each run of repeated blocks as one node", () => this.fold());
  private readonly blocks = html("span", { class: "wb-bar" });
  private readonly stops: (() => void)[];
  private timer = 0;
  private shown = "";
  private awaited = ""; // the block that the focus goes to when it is drawn

  /** Listens on the picture: a click, Enter or Space on a folded block expands it. */
  constructor(private readonly model: Model, private readonly frame: Frame, private readonly picture: Element) {
    this.element.append(this.words, this.stopButton, this.againButton, this.toggle, this.blocks);
    const stops = new AbortController();
    picture.addEventListener("click", frame.guard((event: Event) => void this.opened(event.target)), { signal: stops.signal });
    picture.addEventListener("keydown", frame.guard((event: Event) => {
      const { key } = event as KeyboardEvent;
      if ((key !== "Enter" && key !== " ") || !this.opened(event.target)) return;
      event.preventDefault();
      event.stopPropagation();
    }), { signal: stops.signal });
    this.stops = [() => stops.abort(), listen(model, "change:laying_out", frame.guard(() => this.show()))];
    this.show();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.stops.forEach((stop) => stop());
  }

  /** Shows what the kernel's last drawing says; called with every drawing. */
  show(): void {
    const drawing = this.model.get("drawing") as Drawing;
    const folds = drawing.folds ?? { on: false, offered: false, expanded: [] };
    const nodes = Number(this.model.get("laying_out") ?? 0);
    const given_up = drawing.stale === "cancelled" && nodes === 0;
    const shown = JSON.stringify([folds, nodes, given_up]);
    if (shown === this.shown) return;
    this.shown = shown;
    clearTimeout(this.timer);
    this.words.textContent = nodes > 0 ? `laying out ${nodes.toLocaleString("en")} nodes…`
      : given_up ? "the layout was cancelled: an earlier drawing is shown" : "";
    this.words.hidden = nodes === 0 && !given_up;
    this.stopButton.hidden = nodes === 0;
    this.againButton.hidden = !given_up;
    this.element.classList.toggle("wb-busy", nodes > 0);
    this.toggle.hidden = !folds.offered;
    put(this.toggle, { "aria-pressed": String(folds.on) });
    const focused = this.blocks.contains(document.activeElement);
    this.blocks.replaceChildren(...folds.expanded.map(({ id, label }) =>
      this.button(`fold ${label}`, `Fold ${label} into one node again`, () => this.expand(this.expanded.filter((one) => one !== id), id))));
    if (focused) this.toggle.focus();
    this.element.hidden = nodes === 0 && !given_up && !folds.offered;
    if (this.awaited !== "" && nodes === 0) this.focus();
  }

  // -- inside

  private get expanded(): string[] { return (this.model.get("expanded") ?? []) as string[]; }

  private opened(target: EventTarget | null): boolean {
    const block = target instanceof Element ? target.closest<SVGElement>("[data-fold]") : null;
    const id = block?.dataset["fold"];
    if (id === undefined) return false;
    const [, first] = JSON.parse(id) as [number, string, string];
    this.expand([...this.expanded, id], first);
    return true;
  }

  private expand(expanded: string[], awaited: string): void {
    this.awaited = awaited;
    this.set({ expanded });
  }

  private fold(): void {
    const on = this.toggle.getAttribute("aria-pressed") === "true";
    // What was expanded one by one is folded with the rest when folding begins anew.
    this.set({ folding: on ? "off" : "on", ...(on ? {} : { expanded: [] }) });
  }

  private set(state: Record<string, unknown>): void {
    for (const [name, value] of Object.entries(state)) this.model.set(name, value);
    this.model.save_changes();
    clearTimeout(this.timer);
    const seen = this.shown;
    this.timer = window.setTimeout(() => {
      if (this.shown === seen) this.frame.alert("Nothing is folded or expanded: only the kernel lays graphs out, and it does not answer.");
    }, SILENT);
  }

  private ask(what: "cancel" | "again"): void {
    this.model.send({ kind: "layout", do: what });
  }

  /** After an expansion the focus goes to the block's first node, after a folding to the block. */
  private focus(): void {
    const name = this.awaited;
    this.awaited = "";
    requestAnimationFrame(() => {
      const node = [...this.picture.querySelectorAll<SVGElement>("[data-node]")].find((group) => group.dataset["node"] === name);
      if (node?.hasAttribute("tabindex")) node.focus({ preventScroll: true });
    });
  }

  private button(label: string, title: string, work: () => void): HTMLButtonElement {
    const button = html("button", { type: "button", title, "aria-label": title }, label);
    button.addEventListener("click", () => this.frame.guard(work)());
    return button;
  }
}
