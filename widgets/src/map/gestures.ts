// What a hand does on the map: presses, drags, wheel and keys, as boxes, lassos, clicks, moves and steps.

import { html } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { box, type Spot } from "./cloud";
import type { How } from "./picks";

export type Mode = "box" | "lasso" | "pan";

/** What the map does about it. */
export interface Acts {
  look(at: Spot | undefined): void;
  click(at: Spot, how: How): void;
  shape(corners: Spot[], how: How): void;
  pan(dx: number, dy: number): void;
  zoom(at: Spot | undefined, factor: number): void;
  home(): void;
  step(direction: Spot): void;
  leave(): void;
  /** A key without a direction; true where it meant something. */
  key(name: string, control: boolean): boolean;
  redraw(): void;
}

const CLICK = 4; // pixels a press may wander and still be a click
const MODES = [
  ["box", "Drag a box (B). Shift adds, Alt takes away"],
  ["lasso", "Drag a free shape (L). Shift adds, Alt takes away"],
  ["pan", "Drag the map (P). In the other modes: with the space bar held, or the middle button"],
] as const;
const ARROWS: Record<string, Spot> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Gestures {
  shape: Spot[] = [];
  readonly modes = html("div", { class: "wb-bar", role: "group", "aria-label": "Dragging" });
  private mode: Mode = "box";
  private held = false; // the space bar
  private press: { at: Spot; mode: Mode; how: How; moved: boolean } | undefined;
  private readonly buttons = new Map<Mode, HTMLButtonElement>();

  constructor(private readonly top: HTMLCanvasElement, frame: Frame, private readonly acts: Acts) {
    const { guard } = frame;
    for (const [mode, title] of MODES) {
      const button = html("button", { type: "button", title, "aria-label": title }, mode);
      button.addEventListener("click", guard(() => this.set(mode)));
      this.buttons.set(mode, button);
      this.modes.append(button);
    }
    this.set("box");
    const on = <K extends keyof HTMLElementEventMap>(name: K, work: (event: HTMLElementEventMap[K]) => void) =>
      top.addEventListener(name, guard(work), { passive: false });
    on("pointerdown", (event) => this.pressed(event));
    on("pointermove", (event) => this.moved(event));
    on("pointerup", (event) => this.released(event));
    on("pointercancel", () => this.dropped());
    on("pointerleave", () => acts.look(undefined));
    on("dblclick", () => acts.home());
    on("wheel", (event) => this.wheeled(event));
    on("keydown", (event) => this.keyed(event));
    on("keyup", (event) => { if (event.key === " ") this.hold(false); });
    on("blur", () => {
      this.hold(false);
      acts.leave();
    });
  }

  private set(mode: Mode): void {
    this.mode = mode;
    this.hold(this.held);
    for (const [name, button] of this.buttons) button.setAttribute("aria-pressed", String(name === mode));
  }

  private hold(held: boolean): void {
    this.held = held;
    this.top.dataset["mode"] = held ? "pan" : this.mode;
  }

  private at(event: MouseEvent): Spot {
    const home = this.top.getBoundingClientRect();
    return [event.clientX - home.left, event.clientY - home.top];
  }

  private pressed(event: PointerEvent): void {
    if (event.button > 1) return;
    this.top.focus({ preventScroll: true });
    this.top.setPointerCapture(event.pointerId);
    const mode = event.button === 1 || this.held ? "pan" : this.mode;
    const how = event.shiftKey ? "add" : event.altKey ? "remove" : "new";
    this.press = { at: this.at(event), mode, how, moved: false };
    event.preventDefault();
  }

  private moved(event: PointerEvent): void {
    const at = this.at(event);
    const press = this.press;
    if (!press) return this.acts.look(at);
    press.moved ||= Math.hypot(at[0] - press.at[0], at[1] - press.at[1]) > CLICK;
    if (!press.moved) return;
    this.acts.look(undefined);
    if (press.mode === "pan") {
      this.acts.pan(at[0] - press.at[0], at[1] - press.at[1]);
      press.at = at;
      return;
    }
    if (press.mode === "box") this.shape = box(press.at, at);
    else this.shape = this.shape.length ? [...this.shape, at] : [press.at, at];
    this.acts.redraw();
  }

  private released(event: PointerEvent): void {
    const { press, shape } = this;
    this.dropped();
    if (press?.moved && press.mode !== "pan") this.acts.shape(shape, press.how);
    else if (press && !press.moved) this.acts.click(this.at(event), press.how);
  }

  private dropped(): void {
    this.press = undefined;
    this.shape = [];
    this.acts.redraw();
  }

  /** The wheel zooms once the map has been clicked or with Ctrl; before that it scrolls the page. */
  private wheeled(event: WheelEvent): void {
    if (document.activeElement !== this.top && !event.ctrlKey) return;
    event.preventDefault();
    this.acts.zoom(this.at(event), Math.exp(Math.max(-1, Math.min(1, event.deltaY / 400))));
  }

  private keyed(event: KeyboardEvent): void {
    const control = event.ctrlKey || event.metaKey;
    const arrow = control ? undefined : ARROWS[event.key];
    const mode = control ? undefined : MODES.find(([name]) => name[0] === event.key)?.[0];
    if (arrow) this.acts.step(arrow);
    else if (mode) this.set(mode);
    else if (event.key === " " && !control) this.hold(true);
    else if (event.key === "+" || event.key === "=") control || this.acts.zoom(undefined, 1 / 1.4);
    else if (event.key === "-") control || this.acts.zoom(undefined, 1.4);
    else if (event.key === "0") control || this.acts.home();
    else if (!this.acts.key(event.shiftKey && event.key === "Enter" ? "Shift+Enter" : event.key, control)) return;
    if (control && "+=-0".includes(event.key)) return; // these are the browser's
    event.preventDefault();
    event.stopPropagation();
  }
}
