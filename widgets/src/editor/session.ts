// What all views of one editor in a page share: the architecture as shown, its history, and the talk with the kernel.

import type { Frame } from "../shared/frame";
import type { Model } from "../shared/model";
import type { Sheet } from "../shared/sheet";
import { type Decisions, type Drawing, type Fact, foreseen, History, type Palette, same } from "./state";

const LATE = 400; // ms without the kernel's answer until the numbers are shown as old
const SILENT = 5000; // ms until the silence itself is reported

/** A view of an editor: its model, its frame, and what it does when something has changed. */
export interface View {
  readonly model: Model;
  readonly frame: Frame;
  readonly sheet: Sheet;
  /** Whether JupyterLab has said that the kernel is gone, or none was ever there. */
  readonly kernelGone: boolean;
  /** In words, what it is instead: the kernel is gone, or the page has none. */
  readonly absence: string;
  changed(): void;
  /** Tells the linked views the architecture that is now edited. */
  tell(name: string): void;
}

/** The widget's uid -> its session; shared by all bundles of the page. */
const PAGE = Symbol.for("nas-workbench/editors");
function sessions(): Map<string, Session> {
  const page = globalThis as unknown as Record<symbol, Map<string, Session>>;
  return (page[PAGE] ??= new Map());
}

/** The session of a view's widget, which the view joins. */
export function join(view: View): Session {
  const uid = String(view.model.get("uid") ?? "");
  const session = sessions().get(uid) ?? new Session(view.model);
  if (uid !== "") sessions().set(uid, session);
  session.add(view);
  return session;
}

export class Session {
  drawing: Drawing;
  readonly history: History;
  facts: Fact[];
  text: string;
  /** Whether the drawing shows all of the present decisions, and the facts are theirs. */
  drawn = true;
  counted = true;
  silent = false;
  late = false;
  private revision: number;
  private readonly views = new Set<View>();
  private timers: number[] = [];
  private heard: unknown;

  constructor(model: Model) {
    this.drawing = model.get("drawing") as Drawing;
    this.history = new History(this.drawing.decisions);
    this.facts = model.get("facts") as Fact[];
    this.text = String(model.get("text"));
    this.revision = Number(model.get("revision"));
    this.heard = this.drawing;
  }

  add(view: View): void {
    // What the kernel has said while no view was there.
    if (this.views.size === 0 && view.model.get("drawing") !== this.heard) this.adopt(view);
    this.views.add(view);
  }

  leave(view: View): void {
    this.views.delete(view);
    if (this.views.size === 0) this.wait(false);
  }

  /** Where the numbers come from when the kernel does not give them; "" while it does. */
  get state(): string {
    const view = [...this.views][0];
    if (view?.kernelGone) {
      const reach = view.model.alone ? "" : ", nothing reaches Python";
      return `${view.absence}: ${view.sheet.ready ? `numbers come from this page${reach}` : "read-only"}`;
    }
    return this.silent && view?.sheet.ready ? "the kernel does not answer: numbers come from this page" : "";
  }

  // -- what is done in the page

  /** Takes new decisions from a view; false, and the reason in the page, where nobody could say what they make. */
  edit(decisions: Decisions, view: View): boolean {
    if (same(decisions, this.history.present)) return true;
    if (!this.allowed(view, decisions)) return false;
    this.history.push(decisions);
    this.send(view);
    return true;
  }

  travel(way: "undo" | "redo", view: View): void {
    const there = way === "undo" ? this.history.canUndo : this.history.canRedo;
    if (!there || !this.allowed(view)) return;
    this.history[way]();
    this.send(view);
  }

  /** Shows what another view has opened; the kernel hears of it by itself. */
  open(name: string, view: View): void {
    if (name === this.text || (!view.kernelGone && this.waiting)) return;
    const row = view.sheet.ready ? view.sheet.rowOf(name) : -1;
    if (row < 0) {
      if (view.kernelGone) view.frame.alert(`Only the kernel can open this architecture, and ${view.absence}. Run the notebook's cell again.`);
      return;
    }
    this.history.push(view.sheet.decisions(row));
    this.show(view.sheet);
    this.keep();
    this.changed();
  }

  private allowed(view: View, decisions?: Decisions): boolean {
    if (!view.kernelGone) return true;
    const known = view.sheet.ready && (decisions === undefined || view.sheet.row(decisions) >= 0);
    if (!known) view.frame.alert(`Not changed: ${view.absence}, and this page does not hold the numbers. Run the notebook's cell again.`);
    return known;
  }

  private send(view: View): void {
    const name = this.show(view.sheet);
    this.revision = Number(view.model.get("revision")) + 1;
    this.keep();
    this.wait(!view.kernelGone);
    if (name !== undefined) view.tell(name); // the decisions go with it, in one message
    if (!view.kernelGone) view.model.save_changes();
    this.changed();
  }

  /** Shows the present decisions as far as the page knows them; the architecture's name where it does. */
  private show(sheet: Sheet): string | undefined {
    const { present } = this.history;
    const next = foreseen(this.drawing, present, this.palette);
    this.drawn = next.whole;
    this.drawing = next.drawing;
    const row = sheet.ready ? sheet.row(present) : -1;
    const facts = row >= 0 ? sheet.facts(present) : undefined;
    this.counted = facts !== undefined;
    if (facts === undefined) return undefined;
    this.facts = facts;
    return (this.text = sheet.name(row));
  }

  /** Puts the present decisions into every view's model. */
  private keep(): void {
    for (const model of new Set([...this.views].map((view) => view.model))) {
      model.set("revision", this.revision);
      model.set("decisions", this.history.present);
    }
  }

  // -- what the kernel says

  get waiting(): boolean { return this.timers.length > 0; }

  /** Takes the kernel's drawing, unless it answers an edit that a newer one has overtaken; true where it was taken. */
  adopt({ model }: View): boolean {
    const drawing = model.get("drawing") as Drawing;
    if (drawing === this.heard || drawing.revision < Number(model.get("revision"))) return false;
    this.heard = drawing;
    this.revision = drawing.revision;
    this.wait(false);
    if (drawing.refused) this.history.refuse(drawing.decisions);
    else this.history.push(drawing.decisions);
    // While a large graph is laid out, the drawing in the page is nearer to it than the kernel's last one.
    this.drawing = drawing.stale && !drawing.refused ? { ...this.drawing, ...about(drawing) } : drawing;
    this.facts = model.get("facts") as Fact[];
    this.text = String(model.get("text"));
    this.drawn = this.counted = true;
    this.alert(String(model.get("message")));
    this.changed();
    return true;
  }

  alert(message: string): void {
    for (const view of this.views) view.frame.alert(message);
  }

  changed(): void {
    for (const view of this.views) view.changed();
  }

  private wait(waits: boolean): void {
    this.timers.forEach(clearTimeout);
    this.late = this.silent = false;
    this.timers = waits ? [
      window.setTimeout(() => { this.late = !this.counted || !this.drawn; this.changed(); }, LATE),
      window.setTimeout(() => {
        this.silent = true;
        if (!this.counted) this.alert("The kernel has not answered yet: the numbers are those before the edit.");
        this.changed();
      }, SILENT),
    ] : [];
  }

  private get palette(): Palette {
    return [...this.views][0]?.model.get("palette") as Palette;
  }
}

/** What a drawing says besides its nodes and edges. */
function about({ decisions, revision, refused, folds, stale }: Drawing): Partial<Drawing> {
  return { decisions, revision, refused, folds, stale };
}
