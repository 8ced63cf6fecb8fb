// What both widgets stand in: a root that keeps its keys to itself, and an alert where the browser half's errors show.

import { html, put } from "./dom";
import { listen, type Model } from "./model";
import { scoped } from "./scoped";
import theme from "./theme.css";

export interface Frame {
  root: HTMLElement;
  /** Wraps a callback so that its error is shown in the page instead of only in the console. */
  guard<A extends unknown[]>(work: (...args: A) => void): (...args: A) => void;
  /** Shows a message, or hides the last one when empty. */
  alert(message: string): void;
  /** Reads a sentence out to those who listen to the page. */
  say(sentence: string): void;
  /** Whether the kernel that made this view has ended: what needs no answer goes on working. */
  gone(): boolean;
}

// Without this attribute JupyterLab takes plain letters for commands: `b` adds a cell, `d d` deletes one. Its selectors
// end in `:focus` and are matched from the focused element upwards, so the root alone is not enough.
const KEEPS_KEYS = "data-lm-suppress-shortcuts";

const GONE = "The kernel is gone: this view can still be looked through, but nothing reaches Python. Run its cell again.";

type Start = (model: Model, frame: Frame) => () => void;

/** The module that anywidget loads: `start` fills the frame and returns what stops it. */
export function widget(className: string, css: string, start: Start) {
  return {
    render({ model, el }: { model: Model; el: HTMLElement }): () => void {
      const warning = html("div", { class: "wb-alert", role: "alert", hidden: true });
      const live = html("div", { class: "wb-unseen", "aria-live": "polite" });
      const style = html("style", {}, theme + scoped(css, className));
      const root = html("div", { class: `wb ${className}`, [KEEPS_KEYS]: "true" }, style);
      root.addEventListener("focusin", (event) => put(event.target as Element, { [KEEPS_KEYS]: "true" }));
      const alert = (message: string) => {
        warning.textContent = message;
        warning.hidden = message === "";
      };
      const failed = (error: unknown) => {
        alert(`This widget failed in the browser: ${error instanceof Error ? error.message : String(error)}`);
        console.error(error);
      };
      const guard = <A extends unknown[]>(work: (...args: A) => void) => (...args: A) => {
        try {
          work(...args);
        } catch (error) {
          failed(error);
        }
      };
      const say = (sentence: string) => {
        live.textContent = sentence;
      };
      // Jupyter tells it when the kernel ends or is restarted; whatever is shown after that is a widget of its own.
      const orphan = html("div", { class: "wb-gone", hidden: true }, GONE);
      const stopWatching = listen(model, "comm_live_update", () => {
        orphan.hidden = false;
        say(GONE);
      });
      let stop = () => {};
      el.append(root);
      try {
        stop = start(model, { root, guard, alert, say, gone: () => !orphan.hidden });
      } catch (error) {
        failed(error);
      }
      root.append(warning, orphan, live);
      return () => {
        stopWatching();
        stop();
        root.remove();
      };
    },
  };
}
