// Choosing marks of the drawing, one or several: by click, with Ctrl or Shift, by a band over them, or all at once.

import { html } from "../shared/dom";
import { besides, type Drawing, marksOf, questionsOf } from "./state";
import type { Picture } from "./picture";
import { follow } from "./tip";

/** Marks are known by the first question that they answer. */
export class Picking {
  readonly band = html("div", { class: "wb-band", hidden: true });
  chosen: string[] = [];
  /** Whether several are meant: then moving the focus changes nothing. */
  private held = false;
  private stopped = () => {};

  constructor(
    private readonly picture: Picture,
    private readonly drawing: () => Drawing,
    private readonly changed: () => void,
    private readonly pans: (event: PointerEvent) => boolean,
  ) {}

  stop(): void { this.stopped(); }

  /** The mark that new operations are taken for: the one chosen last. */
  get last(): string { return this.chosen.at(-1) ?? ""; }

  has(question: string): boolean { return this.chosen.includes(this.first(question)); }

  /** Chooses one mark alone. */
  only(question: string): void {
    this.held = false;
    this.take([this.first(question)]);
  }

  /** Adds a mark to those chosen, or takes it away. */
  toggle(question: string): void {
    const mark = this.first(question);
    this.held = true;
    this.take(this.chosen.includes(mark) ? this.chosen.filter((one) => one !== mark) : [...this.chosen, mark]);
  }

  /** What the focus has reached is chosen, unless several are. */
  focused(question: string): void {
    if (!this.held || this.chosen.length === 0) this.only(question);
  }

  all(): void {
    this.held = true;
    this.take(marksOf(this.drawing()).map((mark) => questionsOf(mark)[0] as string));
  }

  clear(): void {
    this.held = false;
    this.take([]);
  }

  /** Forgets marks that the drawing has no more, and shows what is left. */
  show(): void {
    const there = new Set(marksOf(this.drawing()).map((mark) => questionsOf(mark)[0] as string));
    this.chosen = this.chosen.filter((mark) => there.has(mark));
    this.picture.select(this.chosen.flatMap((mark) => besides(this.drawing(), mark)));
  }

  /** A press on empty paper draws a band; what lies in it is chosen, with Shift or Ctrl beside what was. */
  pressed(press: PointerEvent): void {
    if (press.button !== 0 || press.defaultPrevented || this.pans(press)) return;
    if ((press.target as Element).closest("[data-node], [data-edge]")) return;
    const before = press.shiftKey || press.ctrlKey || press.metaKey ? this.chosen : [];
    press.preventDefault();
    this.picture.element.focus({ preventScroll: true });
    const home = (this.band.offsetParent ?? document.body).getBoundingClientRect();
    this.stopped = follow(press, (event) => {
      const [left, right] = [press.clientX, event.clientX].sort((a, b) => a - b) as [number, number];
      const [top, bottom] = [press.clientY, event.clientY].sort((a, b) => a - b) as [number, number];
      const style = { left: left - home.left, top: top - home.top, width: right - left, height: bottom - top };
      for (const [name, size] of Object.entries(style)) this.band.style.setProperty(name, `${size}px`);
      this.band.hidden = false;
      const inside = marksOf(this.drawing()).map((mark) => questionsOf(mark)[0] as string).filter((question) => {
        const box = this.picture.of(question)?.querySelector(".wb-pill, .wb-box")?.getBoundingClientRect();
        const [x, y] = box ? [(box.left + box.right) / 2, (box.top + box.bottom) / 2] : [NaN, NaN];
        return x >= left && x <= right && y >= top && y <= bottom;
      });
      this.held = true;
      this.take([...new Set([...before, ...inside])]);
    }, () => { this.band.hidden = true; });
  }

  private first(question: string): string {
    return besides(this.drawing(), question)[0] as string;
  }

  private take(chosen: string[]): void {
    if (chosen.length === this.chosen.length && chosen.every((one, i) => one === this.chosen[i])) return;
    this.chosen = chosen;
    this.show();
    this.changed();
  }
}
