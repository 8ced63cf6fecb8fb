// The numbers that have to be computed, in a row under the facts: those that come by themselves and those asked for.

import { html } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { listen, type Model } from "../shared/model";
import { type Kernel, kernelOf, keyOf, type Shown, shownBy } from "./kernel";
import { KinList } from "./kin";
import { type Entry, Popup, type Section } from "./popup";
import type { Decisions } from "./state";

const FEW = 6; // automatic numbers that stand in the row; the others are in the menu
const TICK = 250; // ms between two looks at the clock while something is computed
const COUNTED = "counted"; // the group of numbers that the facts show as well

interface Offer { key: string; label: string; group: string; about: string; automatic: boolean; published: number }
interface Found { value: string; note: string; reason: string }
interface Job { keys: string[]; decisions: Decisions; automatic: boolean; elapsed: number | null; expected: number }

export class Asked {
  readonly element: HTMLElement;
  private readonly kernel: Kernel;
  private readonly kin: KinList;
  private readonly row = html("div", { class: "wb-asked-row", role: "group", "aria-label": "Computed numbers" });
  private readonly more: Popup;
  private readonly numbers = new Map<string, Record<string, Found>>();
  private readonly wanted = new Set<string>(); // asked for in this view: they stay in the row
  private readonly stops: (() => void)[];
  private jobs: Job[] = [];
  private toldAt = 0;
  private timer = 0;

  constructor(private readonly model: Model, private readonly frame: Frame, private readonly shown: Shown = shownBy(model)) {
    this.kernel = kernelOf(model, frame);
    this.kin = new KinList(model, frame, this.kernel, shown);
    this.more = new Popup("+ more", "Other numbers of this architecture", () => this.sections());
    this.element = html("div", { class: "wb-asked" }, this.row, this.kin.element);
    this.stops = [
      listen(model, "change:asked", frame.guard(() => this.heard())),
      listen(model, "change:offers", frame.guard(() => this.refresh())),
      listen(model, "msg:custom", frame.guard((message: { kind?: string; do?: string; jobs?: Job[]; words?: string }) => {
        if (message?.kind !== "asked") return;
        if (message.do === "jobs") this.told(message.jobs ?? []);
        if (message.do === "failed") frame.alert(message.words ?? "");
      })),
    ];
    this.kernel.onChange(frame.guard(() => this.refresh()));
    this.heard();
  }

  /** Shows what belongs to the present architecture; to be called after every edit. */
  refresh(): void {
    const present = this.present();
    const offers = this.inRow(present);
    const focused = (document.activeElement as HTMLElement | null)?.dataset["asked"];
    const chips = offers.map((offer) => this.chip(offer, present[offer.key]));
    // The menu's own element stays where it is, or it would lose the focus that is in it.
    for (const old of [...this.row.children]) if (old !== this.more.element) old.remove();
    this.row.prepend(...chips);
    if (this.more.element.parentElement !== this.row) this.row.append(this.more.element);
    this.more.element.hidden = this.sections().length === 0;
    this.row.append(...this.strip());
    this.more.refresh();
    if (focused !== undefined) chips.find((chip) => chip.dataset["asked"] === focused)?.focus({ preventScroll: true });
    this.kin.refresh();
  }

  stop(): void {
    window.clearInterval(this.timer);
    this.stops.forEach((stop) => stop());
    this.kin.stop();
    this.kernel.stop();
  }

  // -- what the kernel says

  private heard(): void {
    const { decisions, numbers } = (this.model.get("asked") ?? {}) as { decisions?: Decisions; numbers?: Record<string, Found> };
    if (decisions && numbers) {
      const key = keyOf(decisions);
      const news = Object.keys(numbers).filter((name) => this.wanted.has(name) && this.numbers.get(key)?.[name] === undefined);
      this.numbers.set(key, numbers);
      if (key === keyOf(this.shown.decisions())) news.forEach((name) => this.frame.say(this.spoken(name, numbers[name])));
    }
    this.refresh();
  }

  private told(jobs: Job[]): void {
    this.jobs = jobs;
    this.toldAt = performance.now();
    window.clearInterval(this.timer);
    if (jobs.length > 0) this.timer = window.setInterval(this.frame.guard(() => this.tick()), TICK);
    this.refresh();
  }

  private tick(): void {
    const strip = this.row.querySelector(".wb-strip");
    const [next] = this.strip();
    if (strip && next && !strip.contains(document.activeElement)) strip.replaceWith(next);
  }

  // -- what is shown

  /** Latency, what was asked for here, then what comes by itself and was reported to agree best with accuracy. */
  private inRow(present: Record<string, Found>): Offer[] {
    const passes = this.offers.filter((offer) => offer.automatic && offer.group !== COUNTED && !this.wanted.has(offer.key))
      .sort((a, b) => Number(a.group !== "") - Number(b.group !== "") || b.published - a.published);
    const asked = this.offers.filter((offer) => this.wanted.has(offer.key) && (!offer.automatic || offer.group === COUNTED));
    const kept = this.offers.filter((offer) => this.wanted.has(offer.key) && offer.automatic && offer.group !== COUNTED);
    const found = this.offers.filter((offer) => !offer.automatic && !this.wanted.has(offer.key) && offer.key in present);
    return [...passes.slice(0, 1), ...asked, ...found, ...kept, ...passes.slice(1, FEW)];
  }

  private chip(offer: Offer, found: Found | undefined): HTMLElement {
    const again = offer.group === "" && found !== undefined; // the latency, which is never twice the same
    const known = found !== undefined;
    const words = known ? (found.value === "" ? html("em", {}, `no number: ${found.reason}`) : html("b", {}, found.value))
      : html("em", {}, this.busy(offer.key) ? "…" : this.kernel.alive ? (offer.automatic ? "…" : "compute") : "not computed");
    const title = [known ? found.reason || found.note : offer.about, again ? "Press to measure again." : "", known ? "" : this.kernel.reason];
    const label = html("span", {}, offer.label);
    const about = { class: "wb-number", title: title.filter(Boolean).join(". "), "data-asked": offer.key };
    if (known && !again) return html("span", about, label, words);
    const button = html("button", { ...about, type: "button" }, label, words);
    button.disabled = !this.kernel.alive || this.busy(offer.key);
    button.addEventListener("click", this.frame.guard(() => this.compute(offer)));
    return button;
  }

  /** What is being computed because somebody asked for it, for how long, and the way to stop it. */
  private strip(): HTMLElement[] {
    const asked = this.jobs.filter((job) => !job.automatic);
    const running = asked.find((job) => job.elapsed !== null) ?? asked[0];
    if (!running) return [];
    const label = running.keys.map((key) => this.offers.find((offer) => offer.key === key)?.label ?? key).join(", ");
    const elsewhere = keyOf(running.decisions) === keyOf(this.shown.decisions()) ? "" : " of another architecture";
    const elapsed = (running.elapsed ?? 0) + (running.elapsed === null ? 0 : (performance.now() - this.toldAt) / 1000);
    const { expected } = running;
    const about = running.elapsed === null ? "waits" : `${elapsed.toFixed(0)} s${expected >= 1 ? ` of about ${expected.toFixed(0)} s` : ""}`;
    const others = asked.length > 1 ? `, ${asked.length - 1} more` : "";
    const bar = html("progress", { max: 1, "aria-label": `Computing ${label}`, value: expected >= 1 ? Math.min(elapsed / expected, 0.98) : undefined });
    const stop = html("button", { type: "button", "data-asked": "stop", title: "Stop computing what was asked for" }, "stop");
    stop.addEventListener("click", this.frame.guard(() => this.kernel.ask({ kind: "ask", do: "cancel" })));
    return [html("span", { class: "wb-strip" }, bar, `${label}${elsewhere}: ${about}${others}`, stop)];
  }

  private sections(): Section[] {
    const present = this.present();
    const groups = [...new Set(this.offers.filter((offer) => offer.group !== "").map((offer) => offer.group))];
    return groups.map((group) => ({
      heading: group, entries: this.offers.filter((offer) => offer.group === group).map((offer) => this.entry(offer, present[offer.key])),
    }));
  }

  private entry(offer: Offer, found: Found | undefined): Entry {
    const note = found ? found.value || `no number: ${found.reason}` : this.busy(offer.key) ? "…" : "compute";
    return {
      label: offer.label, note, title: [offer.about, found?.note].filter(Boolean).join("\n"),
      blocked: found ? "" : this.kernel.reason, work: this.frame.guard(() => this.compute(offer)),
    };
  }

  private compute(offer: Offer): void {
    if (offer.group !== "") this.wanted.add(offer.key);
    if (this.kernel.alive && (offer.group === "" || !(offer.key in this.present()))) {
      this.kernel.ask({ kind: "ask", do: "compute", key: offer.key });
    }
    this.refresh();
  }

  private spoken(key: string, found: Found | undefined): string {
    const label = this.offers.find((offer) => offer.key === key)?.label ?? key;
    return found ? `${label} ${found.value || `has no number: ${found.reason}`}` : "";
  }

  private busy(key: string): boolean {
    const present = keyOf(this.shown.decisions());
    return this.jobs.some((job) => job.keys.includes(key) && keyOf(job.decisions) === present);
  }

  private present(): Record<string, Found> {
    return this.numbers.get(keyOf(this.shown.decisions())) ?? {};
  }

  private get offers(): Offer[] {
    return (this.model.get("offers") ?? []) as Offer[];
  }
}
