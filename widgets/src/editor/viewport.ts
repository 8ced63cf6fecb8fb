// How a drawing is looked at: panning, zooming and moving single nodes, by one transform and without a new layout.

import { html, put } from "../shared/dom";
import type { Offset } from "./bending";
import type { Picture } from "./picture";

const LEAST = 0.02, MOST = 4; // scales
const STEP = 1.25; // of a button or a key
const PAN = 60; // pixels of the page that an arrow key pans
const SEEN = 40; // pixels of the drawing that cannot be moved out of sight
const MANY = 40; // nodes from which on a drawing is rather looked at in parts
const CLICK = 4; // pixels of the window within which a press is a click

type Guard = <A extends unknown[]>(work: (...args: A) => void) => (...args: A) => void;
interface Drag { id: number; x: number; y: number; node: string; from: Offset; began: boolean }

/**
 * Pans by dragging with Alt or Space held or with the middle button, zooms by Ctrl and the wheel, moves a node that is
 * dragged. Listens on the picture's element after its children: a gesture of its own that a child starts keeps its
 * `pointerdown` from arriving here, by `stopPropagation`, or marks it as taken, by `preventDefault`.
 */
export class Viewport {
  readonly bar = html("div", { class: "wb-bar wb-view", role: "group", "aria-label": "View" });
  private at = { x: 0, y: 0, scale: 1 };
  private drag: Drag | undefined;
  private space = false;
  private due = 0;
  private dropAt = -1;
  private work: () => void = () => {};
  private readonly stops = new AbortController();

  constructor(private readonly picture: Picture, private readonly guard: Guard) {
    const { element } = picture;
    const on = { signal: this.stops.signal };
    picture.resized = () => this.look(this.at.x, this.at.y, this.at.scale);
    this.bar.append(
      this.button("−", "Zoom out (Ctrl and wheel)", () => this.zoom(1 / STEP)),
      this.button("+", "Zoom in (Ctrl and wheel)", () => this.zoom(STEP)),
      this.button("fit", "Show the whole graph, every node in its place", () => this.fit()),
    );
    element.addEventListener("pointerdown", guard((event) => this.pressed(event)), on);
    element.addEventListener("pointermove", guard((event) => this.dragged(event)), on);
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"] as const) {
      element.addEventListener(end, guard((event) => this.dropped(event)), on);
    }
    element.addEventListener("wheel", guard((event) => this.wheeled(event)), { ...on, passive: false });
    // A node that has been dragged was not clicked: its menu stays shut.
    element.addEventListener("click", (event) => this.swallow(event), { ...on, capture: true });
    element.addEventListener("focusin", guard((event) => this.reveal(event.target as Element)), on);
    window.addEventListener("keydown", (event) => this.held(event, true), on);
    window.addEventListener("keyup", (event) => this.held(event, false), on);
    window.addEventListener("blur", () => { this.space = false; }, on);
  }

  stop(): void {
    cancelAnimationFrame(this.due);
    this.stops.abort();
  }

  /** Whether a press is meant for the paper itself, to pan it, rather than for what is drawn on it. */
  pans(event: PointerEvent): boolean {
    return event.button === 1 || (event.button === 0 && (event.altKey || this.space));
  }

  get scale(): number { return this.at.scale; }

  /** The whole drawing, every node back in its place. */
  fit(): void {
    this.picture.settle();
    const { page, whole } = this.picture;
    const scale = Math.min(1, page.width / Math.max(whole.width, 1), page.height / Math.max(whole.height, 1));
    this.look((page.width - whole.width * scale) / 2, (page.height - whole.height * scale) / 2, scale);
  }

  /** Zooms about a point of the page, or about its middle. */
  zoom(factor: number, x = this.picture.page.width / 2, y = this.picture.page.height / 2): void {
    const scale = Math.min(MOST, Math.max(LEAST, this.at.scale * factor));
    const grown = scale / this.at.scale;
    this.look(x - (x - this.at.x) * grown, y - (y - this.at.y) * grown, scale);
  }

  pan(dx: number, dy: number): void {
    this.look(this.at.x + dx, this.at.y + dy, this.at.scale);
  }

  /** The keys of the paper itself: arrows, plus, minus and 0; true where the key was one of them. */
  key(key: string): boolean {
    const ways: Record<string, [number, number]> = {
      arrowleft: [PAN, 0], arrowright: [-PAN, 0], arrowup: [0, PAN], arrowdown: [0, -PAN],
    };
    const way = ways[key.toLowerCase()];
    if (way) this.pan(...way);
    else if (key === "+" || key === "=") this.zoom(STEP);
    else if (key === "-") this.zoom(1 / STEP);
    else if (key === "0") this.fit();
    else return false;
    return true;
  }

  // -- gestures

  private pressed(event: PointerEvent): void {
    if (event.defaultPrevented || this.drag) return;
    const node = (event.target as Element).closest<SVGGElement>("[data-node]")?.dataset["node"] ?? "";
    const pans = this.pans(event);
    if (!pans && (node === "" || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey)) return;
    const from = pans ? this.at : this.picture.offset(node);
    this.drag = { id: event.pointerId, x: event.clientX, y: event.clientY, node: pans ? "" : node, from: { ...from }, began: false };
    if (pans) event.preventDefault(); // the middle button would scroll the page, Alt open a menu
  }

  private dragged(event: PointerEvent): void {
    const { drag } = this;
    if (!drag || event.pointerId !== drag.id) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.began && Math.hypot(dx, dy) < CLICK) return;
    if (!drag.began) {
      drag.began = true;
      this.picture.element.setPointerCapture(drag.id);
      this.picture.element.classList.add(drag.node ? "wb-moving" : "wb-panning");
    }
    const unit = this.unit / (drag.node ? this.at.scale : 1);
    const to = { x: drag.from.x + dx * unit, y: drag.from.y + dy * unit };
    this.soon(() => (drag.node ? this.picture.move(drag.node, to) : this.look(to.x, to.y, this.at.scale)));
  }

  private dropped(event: PointerEvent): void {
    const { drag } = this;
    if (!drag || event.pointerId !== drag.id) return;
    this.flush();
    this.drag = undefined;
    this.picture.element.classList.remove("wb-moving", "wb-panning");
    if (!drag.began) return;
    this.dropAt = event.timeStamp;
    this.look(this.at.x, this.at.y, this.at.scale);
  }

  private swallow(event: MouseEvent): void {
    if (event.timeStamp - this.dropAt > 50 || this.dropAt < 0) return;
    event.stopImmediatePropagation();
    event.preventDefault();
  }

  private wheeled(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return; // the plain wheel scrolls the notebook
    event.preventDefault();
    const { x, y } = this.onPage(event);
    const turned = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 30);
    this.zoom(Math.exp(-Math.max(-120, Math.min(120, turned)) / 400), x, y);
  }

  /** Space held over the drawing pans, unless it is typed or presses something. */
  private held(event: KeyboardEvent, down: boolean): void {
    if (event.key !== " ") return;
    const target = event.target instanceof HTMLElement || event.target instanceof SVGElement ? event.target : undefined;
    const typed = target instanceof HTMLElement && target.isContentEditable;
    const meant = typed || target?.closest("button, input, select, textarea, summary, [data-question], [data-fold]");
    this.space = down && !meant && this.picture.element.matches(":hover");
    if (this.space) event.preventDefault(); // the page would scroll
  }

  /** Brings what the keyboard reaches into the window. */
  private reveal(target: Element): void {
    const group = target.closest<SVGGElement>("[data-node], [data-edge]");
    const [seen, box] = [this.picture.element.getBoundingClientRect(), group?.querySelector(".wb-pill, .wb-box")?.getBoundingClientRect()];
    if (!box || this.drag || this.picture.page.height >= this.picture.whole.height && this.at.scale <= 1) return;
    const outside = box.left < seen.left || box.right > seen.right || box.top < seen.top || box.bottom > seen.bottom;
    if (!outside) return;
    const dx = (seen.left + seen.right - box.left - box.right) / 2;
    const dy = (seen.top + seen.bottom - box.top - box.bottom) / 2;
    this.pan(dx * this.unit, dy * this.unit);
  }

  // -- inside

  /** Pixels of the page per pixel of the window. */
  private get unit(): number { return 1 / (this.picture.element.getScreenCTM()?.a || 1); }

  private onPage(event: MouseEvent): Offset {
    const { x, y } = this.picture.toWorld(event.clientX, event.clientY);
    return { x: x * this.at.scale + this.at.x, y: y * this.at.scale + this.at.y };
  }

  /** Transforms the drawing, some of which always stays in sight. */
  private look(x: number, y: number, scale: number): void {
    const { page, whole } = this.picture;
    const kept = (place: number, size: number, room: number) => Math.min(room - SEEN, Math.max(SEEN - size * scale, place));
    this.at = { x: kept(x, whole.width, page.width), y: kept(y, whole.height, page.height), scale };
    const rest = this.at.x === 0 && this.at.y === 0 && scale === 1;
    this.offer(rest);
    put(this.picture.world, { transform: rest ? undefined : `translate(${this.at.x} ${this.at.y}) scale(${scale})` });
  }

  /** Shows the buttons where they are of use: a cell is seen whole until somebody zooms it or moves a node. */
  private offer(rest: boolean): void {
    const { page, whole, anyMoved, count } = this.picture;
    const small = rest && !anyMoved && whole.height <= page.height && count <= MANY;
    this.bar.hidden = small && !this.bar.contains(document.activeElement);
  }

  /** Does the last of the works asked for, once before the next frame. */
  private soon(work: () => void): void {
    this.work = work;
    this.due ||= requestAnimationFrame(this.guard(() => this.flush()));
  }

  private flush(): void {
    cancelAnimationFrame(this.due);
    this.due = 0;
    const { work } = this;
    this.work = () => {};
    work();
  }

  private button(label: string, title: string, work: () => void): HTMLButtonElement {
    const button = html("button", { type: "button", title, "aria-label": title }, label);
    button.addEventListener("click", this.guard(work), { signal: this.stops.signal });
    return button;
  }
}
