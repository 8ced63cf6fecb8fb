// Pins: every question with its answers, each of which can be made the only one or forbidden while the search runs.

import { Panel } from "../board/marks";
import { html, put } from "../shared/dom";
import type { Frame } from "../shared/frame";
import type { Question, Status } from "./trials";

export type How = "pin" | "forbid" | "free";

export class Pins {
  readonly panel: Panel;
  private readonly list = html("div", { class: "wb-questions", role: "group", tabindex: 0 });
  private pins = new Map<string, number>();
  private forbidden = new Set<string>();
  private shown = "";

  constructor(private readonly frame: Frame, private readonly questions: Question[], private readonly steer: (question: string, answer: number, how: How) => void) {
    this.panel = new Panel("wb-pins", "Pins", this.list,
      html("p", { class: "wb-words" }, "Click an answer to pin its question to it, × to forbid it: what is asked for next obeys. Delete forbids, by keyboard."));
    put(this.list, { "aria-label": "Answers that are pinned or forbidden" });
    this.list.addEventListener("keydown", frame.guard((event) => this.pressed(event)));
    this.panel.element.hidden = questions.length === 0;
  }

  draw(status: Status, enabled: boolean): void {
    const shown = JSON.stringify([status.pins, status.forbidden, enabled]);
    if (shown === this.shown) return;
    this.shown = shown;
    this.pins = new Map(status.pins);
    this.forbidden = new Set(status.forbidden.map(([question, answer]) => JSON.stringify([question, answer])));
    const free = this.pins.size + this.forbidden.size === 0;
    this.panel.note.textContent = !enabled ? "no search to steer" : free ? "everything is allowed" : `${this.pins.size} pinned, ${this.forbidden.size} forbidden`;
    const at = (document.activeElement as HTMLElement | null)?.dataset["key"];
    this.list.replaceChildren(...this.questions.map((question, row) => this.row(question, row, enabled)));
    if (at !== undefined) this.items().find((item) => item.dataset["key"] === at)?.focus({ preventScroll: true });
  }

  state(question: string, answer: number): "pinned" | "forbidden" | "free" {
    if (this.pins.get(question) === answer) return "pinned";
    return this.forbidden.has(JSON.stringify([question, answer])) ? "forbidden" : "free";
  }

  /** Brings a question into view with the keyboard at its first answer, or the pinned one. */
  open(question: string): void {
    const row = this.items().filter((item) => item.dataset["question"] === question);
    (row.find((item) => item.getAttribute("aria-pressed") === "true") ?? row[0])?.focus();
  }

  private row({ name, answers }: Question, row: number, enabled: boolean): HTMLElement {
    const others = this.pins.get(name);
    return html("div", { class: "wb-question", role: "group", "aria-label": name }, html("span", {}, name),
      html("div", { class: "wb-bar" }, ...answers.map((_, k) => this.chip(name, answers, k, row === 0 && k === 0, enabled, others !== undefined && others !== k))));
  }

  private chip(question: string, answers: Question["answers"], k: number, reachable: boolean, enabled: boolean, out: boolean): HTMLElement {
    const [words, colour, dark, dashed] = answers[k] as Question["answers"][number];
    const state = this.state(question, k);
    const act = (how: How) => this.frame.guard(() => this.steer(question, k, state === (how === "pin" ? "pinned" : "forbidden") ? "free" : how));
    const dot = html("i", { class: dashed ? "wb-swatch wb-open" : "wb-swatch", style: `--dot: light-dark(${colour}, ${dark})` });
    const mark = state === "pinned" ? "✓ " : "";
    const pin = html("button", {
      type: "button", class: "wb-pin", tabindex: reachable ? 0 : -1, disabled: !enabled, "aria-pressed": String(state === "pinned"),
      "data-key": `${question}:${k}`, "data-question": question,
      "aria-label": `${question}: ${words}, ${state}${state === "free" && out ? ", pinned to another answer" : ""}`,
      title: state === "pinned" ? "Let go of this pin" : `Only ${words} at ${question} from now on`,
    }, dot, mark + words);
    const ban = html("button", {
      type: "button", class: "wb-ban", tabindex: -1, disabled: !enabled, "aria-hidden": "true",
      title: state === "forbidden" ? "Allow it again" : `Never ${words} at ${question} from now on`,
    }, state === "forbidden" ? "↺" : "×");
    pin.addEventListener("click", act(state === "forbidden" ? "forbid" : "pin"));
    ban.addEventListener("click", act("forbid"));
    return html("span", { class: `wb-choice wb-${state}${out ? " wb-out-of-it" : ""}` }, pin, ban);
  }

  private items(): HTMLElement[] { return [...this.list.querySelectorAll<HTMLElement>(".wb-pin")]; }

  private pressed(event: KeyboardEvent): void {
    const all = this.items();
    const at = all.indexOf(event.target as HTMLElement);
    const item = all[at];
    if (!item || event.ctrlKey || event.metaKey) return;
    const rows = [...new Set(all.map((one) => one.dataset["question"]))];
    const same = all.filter((one) => one.dataset["question"] === item.dataset["question"]);
    const beside = (step: number) => {
      const next = rows[rows.indexOf(item.dataset["question"]) + step];
      const row = all.filter((one) => one.dataset["question"] === next);
      return row[Math.min(same.indexOf(item), row.length - 1)];
    };
    const next = {
      ArrowRight: all[at + 1], ArrowLeft: all[at - 1], ArrowDown: beside(1), ArrowUp: beside(-1), Home: same[0], End: same.at(-1),
    }[event.key];
    if (next) {
      for (const one of all) put(one, { tabindex: one === next ? 0 : -1 });
      next.focus();
    } else if (event.key === "Delete" || event.key === "Backspace") item.parentElement?.querySelector<HTMLElement>(".wb-ban")?.click();
    else if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    event.stopPropagation();
  }
}
