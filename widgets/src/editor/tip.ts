// A few words beside the pointer while something is dragged: what dropping would do here, or why it cannot be done.

import { html } from "../shared/dom";

export class Tip {
  readonly element = html("div", { class: "wb-hint", hidden: true });

  show(words: string, x: number, y: number, allowed: boolean): void {
    this.element.textContent = `${allowed ? "✓" : "✕"} ${words}`;
    this.element.hidden = words === "";
    if (words === "") return;
    const home = (this.element.offsetParent ?? document.body).getBoundingClientRect();
    const left = Math.min(x - home.left + 14, home.width - this.element.offsetWidth - 4);
    this.element.style.transform = `translate(${Math.max(4, left)}px, ${y - home.top + 16}px)`;
  }

  hide(): void {
    this.element.hidden = true;
  }
}

/** Follows a pressed pointer wherever it goes: `moved` from the first real movement on, `done` once at the end. */
export function follow(press: PointerEvent, moved: (event: PointerEvent) => void, done: (event: PointerEvent | undefined) => void): () => void {
  const stops = new AbortController();
  const on = { signal: stops.signal, capture: true };
  let began = false;
  const end = (event: PointerEvent | undefined) => {
    stops.abort();
    if (began && event !== undefined) swallowClick();
    done(began ? event : undefined);
  };
  window.addEventListener("pointermove", (event) => {
    began ||= Math.hypot(event.clientX - press.clientX, event.clientY - press.clientY) > 4;
    if (began) moved(event);
  }, on);
  window.addEventListener("pointerup", (event) => end(event), on);
  window.addEventListener("pointercancel", () => end(undefined), on);
  window.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    end(undefined);
  }, on);
  return () => stops.abort();
}

/** The click that follows the end of a drag is none. */
function swallowClick(): void {
  const stop = (event: Event) => { event.stopPropagation(); event.preventDefault(); };
  window.addEventListener("click", stop, { capture: true, once: true });
  setTimeout(() => window.removeEventListener("click", stop, { capture: true }), 0);
}
