// Copying and pasting: the operations of what is chosen, or the whole architecture as text.

import type { Frame } from "../shared/frame";
import type { Answer } from "../shared/model";
import { besides, type Decisions, type Drawing, type Palette } from "./state";

export interface Page {
  drawing(): Drawing;
  palette(): Palette;
  decisions(): Decisions;
  chosen(): readonly string[];
  text(): string;
  edit(decisions: Decisions): void;
  /** Takes an architecture's text for the present one. */
  read(text: string): void;
}

const BETWEEN = "\t"; // the answers of one mark

/** Listens for the browser's own copy and paste; a text that the user has marked is left to the browser. */
export function clipboard(frame: Frame, page: Page): () => void {
  const { root, guard, say } = frame;
  const stops = new AbortController();
  root.addEventListener("copy", guard((event) => {
    if (isTyping(event) || !getSelection()?.isCollapsed) return;
    const chosen = page.chosen();
    event.clipboardData?.setData("text/plain", chosen.length > 0 ? operations(page) : page.text());
    event.preventDefault();
    say(chosen.length > 0 ? `copied ${chosen.length} operation${chosen.length === 1 ? "" : "s"}` : "copied the architecture");
  }), { signal: stops.signal });
  root.addEventListener("paste", guard((event) => {
    if (isTyping(event)) return;
    const text = (event.clipboardData?.getData("text/plain") ?? "").trim();
    event.preventDefault();
    paste(text, frame, page);
  }), { signal: stops.signal });
  return () => stops.abort();
}

function isTyping(event: Event): boolean {
  return event.target instanceof Element && event.target.closest("input, textarea, select") !== null;
}

/** The answers of the chosen marks, a line for each. */
function operations(page: Page): string {
  const decisions = page.decisions();
  return page.chosen().map((mark) => besides(page.drawing(), mark).map((question) => String(decisions[question])).join(BETWEEN)).join("\n");
}

function paste(text: string, frame: Frame, page: Page): void {
  const known = new Set(Object.values(page.palette()).flatMap((options) => options.map(({ answer }) => String(answer))));
  const lines = text.split(/\r?\n/).map((line) => line.split(BETWEEN));
  if (text === "") frame.alert("Not pasted: the clipboard holds no text.");
  else if (!lines.flat().every((word) => known.has(word))) page.read(text);
  else if (page.chosen().length === 0) frame.alert("Not pasted: choose the edges or nodes that these operations are for first.");
  else put(lines, frame, page);
}

/** Puts the lines on the chosen marks in order, one line on all of them; all of it or nothing. */
function put(lines: string[][], frame: Frame, page: Page): void {
  const decisions = { ...page.decisions() };
  const chosen = page.chosen();
  for (const [i, mark] of chosen.entries()) {
    const words = lines.length === 1 ? lines[0]! : lines[i];
    if (words === undefined) break;
    const questions = besides(page.drawing(), mark);
    for (const [k, question] of questions.entries()) {
      const word = words[k];
      const option = (page.palette()[question] ?? []).find(({ answer }) => String(answer) === word);
      if (word !== undefined && option === undefined) return frame.alert(`Not pasted: ${question} does not take ${word}.`);
      if (option) decisions[question] = option.answer as Answer;
    }
  }
  page.edit(decisions);
  const used = Math.min(chosen.length, lines.length === 1 ? chosen.length : lines.length);
  frame.say(`pasted ${used} operation${used === 1 ? "" : "s"}`);
}
