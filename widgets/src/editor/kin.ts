// A folded list of an architecture's twins and of the nearest recorded ones; each entry opens on a click.

import { html } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { Link } from "../shared/link";
import { listen, type Model } from "../shared/model";
import { type Kernel, keyOf, type Shown } from "./kernel";
import type { Decisions } from "./state";

const PAUSE = 300; // ms after the last edit until the kernel is asked

interface Entry { name: string; value: string; note: string }
interface List { entries: Entry[]; more: number; words: string }
interface Kin { decisions: Decisions; twins: List; nearest: List }

export class KinList {
  readonly element = html("details", { class: "wb-kin" }, html("summary", {}, "twins and nearest known"));
  private readonly body = html("div");
  // A link of its own, so that the editor is told like any other view when an entry is opened.
  private readonly link: Link;
  private readonly known = new Map<string, Kin>();
  private readonly stops: (() => void)[];
  private timer = 0;
  private asked = "";
  private seen = "";

  constructor(private readonly model: Model, private readonly frame: Frame, private readonly kernel: Kernel, private readonly shown: Shown) {
    this.link = new Link(model, frame);
    this.link.onMembers(() => this.refresh(true));
    this.element.append(this.body);
    this.element.addEventListener("toggle", frame.guard(() => this.refresh()));
    this.stops = [listen(model, "change:kin", frame.guard(() => this.heard()))];
    this.heard();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.stops.forEach((stop) => stop());
    this.link.stop();
  }

  /** Shows the present architecture's kin where the list is unfolded, asking for it where it is not known. */
  refresh(anew = false): void {
    if (!this.element.open) return;
    const key = keyOf(this.shown.decisions());
    const kin = this.known.get(key);
    if (kin) this.show(JSON.stringify([key, kin]), kin, anew);
    else this.say(this.kernel.alive ? "…" : this.kernel.reason);
    if (!kin && this.kernel.alive && this.asked !== key) {
      clearTimeout(this.timer);
      this.timer = window.setTimeout(this.frame.guard(() => this.ask()), PAUSE);
    }
  }

  private ask(): void {
    this.asked = keyOf(this.shown.decisions());
    this.kernel.ask({ kind: "ask", do: "kin" });
  }

  private heard(): void {
    const kin = (this.model.get("kin") ?? {}) as Partial<Kin>;
    if (kin.decisions && kin.twins && kin.nearest) this.known.set(keyOf(kin.decisions), kin as Kin);
    this.asked = "";
    this.refresh();
  }

  private say(words: string): void {
    this.seen = "";
    this.body.replaceChildren(html("p", {}, words));
  }

  private show(state: string, kin: Kin, anew: boolean): void {
    if (state === this.seen && !anew) return;
    this.seen = state;
    this.body.replaceChildren(...this.list("Twins", kin.twins), ...this.list("Nearest known", kin.nearest));
  }

  private list(heading: string, { entries, more, words }: List): HTMLElement[] {
    const rest = more > 0 ? [`and ${more.toLocaleString("en")} more`] : [];
    return [
      html("h4", {}, heading),
      ...(entries.length > 0 ? [html("ul", { "aria-label": heading, tabindex: -1 }, ...entries.map((entry) => this.item(entry)))] : []),
      ...[...rest, words].filter(Boolean).map((line) => html("p", {}, line)),
    ];
  }

  private item({ name, value, note }: Entry): HTMLElement {
    const { guard } = this.frame;
    const open = html("button", { type: "button", title: `Open ${name}` }, html("b", {}, value || "—"), html("small", {}, note), html("code", {}, name));
    open.addEventListener("click", guard(() => this.link.open(name)));
    for (const [event, pointed] of [["mouseenter", name], ["focus", name], ["mouseleave", ""], ["blur", ""]] as const) {
      open.addEventListener(event, guard(() => this.link.hover(pointed)));
    }
    if (!this.link.hears("compare")) return html("li", {}, open);
    const compare = html("button", { type: "button", title: `Put ${name} on the compare tray`, "aria-label": `Compare ${name}` }, "compare");
    compare.addEventListener("click", guard(() => this.link.compare(name)));
    return html("li", {}, open, compare);
  }
}
