// The path taken: a line of values that can be walked along, and played from its beginning.

import { html, put } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { writtenValue } from "./change";
import type { State } from "./state";

const BEAT = 800; // milliseconds for each stop when the path is played
const ENDS = 3; // stops that are always shown at the beginning of a long path
const LAST = 12; // ... and around the present one

export class Path {
  readonly element: HTMLElement;
  private readonly stops = html("span", { class: "wb-stops", role: "group", "aria-label": "Path so far" });
  private readonly player: HTMLButtonElement;
  private timer = 0;

  constructor(private readonly state: State, frame: Frame, private readonly go: (at: number) => void) {
    this.player = html("button", { type: "button", class: "wb-play" });
    this.player.addEventListener("click", frame.guard(() => this.play()));
    this.stops.addEventListener("click", frame.guard((event: MouseEvent) => {
      const at = (event.target as HTMLElement).dataset["stop"];
      if (at !== undefined) this.walk(Number(at));
    }));
    this.stops.addEventListener("keydown", frame.guard((event: KeyboardEvent) => this.pressed(event)));
    this.element = html("div", { class: "wb-path" }, html("span", { class: "wb-quiet" }, "path so far"), this.player, this.stops);
  }

  show(): void {
    const { names, at } = this.state.trail;
    const { unit, words } = this.state.measured;
    const inside = this.stops.contains(document.activeElement);
    const parts: (Node | string)[] = [];
    let before = -1;
    shown(names.length, at).forEach((i) => {
      if (before >= 0) parts.push(i === before + 1 ? " → " : " → … → ");
      before = i;
      const name = names[i] as string;
      const value = this.state.knows(name) ? writtenValue(this.state.valueOf(name), unit) : "…";
      parts.push(html("button", {
        type: "button", "data-stop": i, "aria-current": i === at ? "step" : undefined, tabindex: i === at ? 0 : -1,
        title: name, "aria-label": `stop ${i + 1} of ${names.length}, ${words} ${value}`,
      }, value));
    });
    this.stops.replaceChildren(...parts);
    if (inside) this.stops.querySelector<HTMLElement>("[aria-current]")?.focus({ preventScroll: true });
    const playing = this.timer !== 0;
    this.player.textContent = playing ? "❚❚" : "▶";
    put(this.player, { title: playing ? "Stop" : "Play the path", "aria-label": playing ? "Stop" : "Play the path" });
    this.player.disabled = names.length < 2;
  }

  /** Ends the playing, as every step of one's own does. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = 0;
  }

  walk(at: number): void {
    this.stop();
    if (at >= 0 && at < this.state.trail.names.length) this.go(at);
  }

  private play(): void {
    if (this.timer !== 0) {
      this.stop();
      return this.show();
    }
    const { at, names } = this.state.trail;
    this.beat(at === names.length - 1 ? 0 : at + 1);
  }

  private beat(at: number): void {
    const last = this.state.trail.names.length - 1;
    this.timer = at < last ? window.setTimeout(() => this.beat(at + 1), BEAT) : 0;
    this.go(at);
  }

  private pressed(event: KeyboardEvent): void {
    const { at, names } = this.state.trail;
    const goes: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: names.length - 1 };
    const go = goes[event.key];
    if (go === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    this.walk(go);
    event.preventDefault();
    event.stopPropagation();
  }
}

/** The stops that are shown of a long path: its beginning, those around the present one, its end. */
function shown(count: number, at: number): number[] {
  const first = Math.min(at - LAST / 2, count - LAST);
  return [...Array(count).keys()].filter((i) => i < ENDS || i === count - 1 || (i >= first && i < first + LAST));
}
