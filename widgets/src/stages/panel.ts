// The panel of one stage: how it stands and why, the cell that failed, parameters, needs, files, times and its log.

import { html } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { fileLink } from "./files";
import { badge, type Detail, type Looks, type Run, type Stage } from "./state";

interface Acts { open(name: string): void; close(): void }

export class Panel {
  readonly element = html("aside", { class: "wb-panel", hidden: true });
  private readonly heading = html("h4", { tabindex: "-1" });
  private readonly sign = html("span");
  private readonly body = html("div", { class: "wb-panel-body" });
  private readonly log = html("pre", { class: "wb-log", tabindex: "0" });
  private readonly logNote = html("h5", {}, "Log");
  private shown = "";
  private name = "";

  constructor(private readonly frame: Frame, private readonly run: Run, private readonly looks: Looks, private readonly alone: boolean, private readonly acts: Acts) {
    const close = html("button", { type: "button", class: "wb-close", "aria-label": "Close the panel", title: "Close (Escape)" }, "×");
    close.addEventListener("click", frame.guard(() => acts.close()));
    this.element.append(html("div", { class: "wb-head" }, this.sign, this.heading, close), this.body, this.logNote, this.log);
    this.element.addEventListener("keydown", frame.guard((event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      acts.close();
    }));
  }

  focus(): void { this.heading.focus(); }

  tell(name: string): void {
    const stage = this.run.stage(name);
    this.element.hidden = !stage;
    const other = name !== this.name;
    this.name = name;
    if (!stage) return;
    const detail = this.run.detail(name);
    const at = this.run.at(name);
    const shown = JSON.stringify([stage, { ...detail, log: 0 }, at, this.run.planned]);
    if (shown !== this.shown || other) {
      this.shown = shown;
      const focused = (document.activeElement as HTMLElement | null)?.dataset["key"];
      this.heading.textContent = name;
      this.element.setAttribute("aria-label", `Stage ${name}`);
      this.sign.replaceChildren(badge(this.looks, stage.state));
      this.body.replaceChildren(...this.parts(stage, detail));
      if (focused) this.body.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    }
    this.tellLog(detail, other);
  }

  /** The log stays where it was read, and follows where its end was seen. */
  private tellLog(detail: Detail | undefined, fresh: boolean): void {
    const lines = detail?.log ?? [];
    const text = lines.join("\n");
    this.log.hidden = this.logNote.hidden = !lines.length;
    this.logNote.textContent = detail?.log_cut ? `Log, its last ${lines.length} lines` : "Log";
    this.log.setAttribute("aria-label", this.logNote.textContent);
    if (this.log.textContent === text) return;
    const follows = fresh || this.log.scrollTop + this.log.clientHeight >= this.log.scrollHeight - 8;
    this.log.textContent = text;
    if (follows) this.log.scrollTop = this.log.scrollHeight;
  }

  private parts(stage: Stage, detail: Detail | undefined): HTMLElement[] {
    const { run } = this;
    const parts: HTMLElement[] = [];
    const time = run.time(stage);
    const state = stage.state === "running" ? `running, ${run.words(stage)}` : run.words(stage);
    parts.push(html("p", { class: "wb-standing-of" }, html("b", {}, state), ...(time ? [` · ${time}`] : []),
      ...(detail?.finished ? [` · ended ${local(detail.finished)}`] : [])));
    if (stage.error) parts.push(this.failure(stage, detail));
    else if (run.reason(stage)) parts.push(html("p", { class: "wb-quiet" }, run.reason(stage)));
    if (detail?.notebook) parts.push(html("p", {}, fileLink(this.alone ? "executed notebook" : "Open the executed notebook", detail.notebook, this.alone)));
    const facts = html("dl");
    const fact = (name: string, ...what: (Node | string)[]) => facts.append(html("dt", {}, name), html("dd", {}, ...what));
    for (const [axis, value] of Object.entries(stage.matrix)) fact(axis, value);
    for (const [name, value] of detail?.parameters ?? []) if (!Object.hasOwn(stage.matrix, name)) fact(name, value);
    if (stage.file) fact("notebook", stage.file);
    if (stage.needs.length) fact("needs", ...this.links(stage.needs, "needs"));
    const users = run.stages.filter((one) => one.needs.includes(stage.name)).map((one) => one.name);
    if (users.length) fact("needed by", ...this.links(users, "users"));
    const files = detail?.files ?? [];
    if (files.length) {
      const more = detail?.more_files ? [html("span", { class: "wb-quiet" }, `and ${detail.more_files} more`)] : [];
      fact("files", html("ul", {}, ...files.map(([name, size]) => html("li", {}, name, " ", html("span", { class: "wb-quiet" }, bytes(size))))), ...more);
    }
    if (detail?.folder) fact("folder", detail.folder);
    if (facts.childElementCount) parts.push(facts);
    if (!detail && this.alone) parts.push(html("p", { class: "wb-quiet" }, "This page holds neither its log nor its files: they are in the run's folder."));
    return parts;
  }

  private failure(stage: Stage, detail: Detail | undefined): HTMLElement {
    const { cell, source, error, traceback } = detail?.failure ?? {};
    const block = html("div", { class: "wb-failure" }, html("p", {}, error || stage.error));
    if (source) block.append(html("h5", {}, cell || "The cell that failed"), html("pre", { class: "wb-source", tabindex: "0", "aria-label": "Source of the cell that failed" }, source));
    if (traceback) {
      block.append(html("details", {}, html("summary", { "data-key": "traceback" }, "traceback"),
        html("pre", { class: "wb-source", tabindex: "0", "aria-label": "Traceback" }, traceback)));
    }
    return block;
  }

  private links(names: string[], kind: string): HTMLElement[] {
    const shown = names.slice(0, 8);
    const links: HTMLElement[] = shown.map((name) => {
      const button = html("button", { type: "button", class: "wb-to", "data-key": `${kind} ${name}` }, name);
      button.addEventListener("click", this.frame.guard(() => this.acts.open(name)));
      return button;
    });
    if (names.length > shown.length) links.push(html("span", { class: "wb-quiet" }, `and ${names.length - shown.length} more`));
    return links;
  }
}

function bytes(size: number): string {
  if (size < 1000) return `${size} B`;
  return size < 1e6 ? `${(size / 1e3).toPrecision(3)} kB` : `${(size / 1e6).toPrecision(3)} MB`;
}

function local(time: string): string {
  const when = new Date(time);
  return Number.isNaN(when.getTime()) ? time : when.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
