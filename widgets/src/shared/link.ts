// Linked views: what is opened, selected or pointed at in one is so in all of its group, over the page they share.

import type { Frame } from "./frame";
import { listen, type Model } from "./model";
import { copied, namesOf, placesOf } from "./names";

/** Rows of a table; `index` is the fingerprint of what the rows are, `names` their architectures. */
export interface Selection { index: string; rows: Uint32Array; names(): Promise<string[]> }

interface Facets { open: string; select: Selection; hover: string; mark: Selection | undefined; compare: string; members: undefined }
type Work<K extends keyof Facets> = (what: Facets[K]) => void;
type Stamped = { name?: string; stamp?: number };

/** Group -> its views in this page; shared by all bundles, each of which has this module for itself. */
const PAGE = Symbol.for("nas-workbench/groups");
function groups(): Map<string, Set<Link>> {
  const page = globalThis as unknown as Record<symbol, Map<string, Set<Link>>>;
  return (page[PAGE] ??= new Map());
}

/** The later of two states holds: stamps are milliseconds and only grow, so that an echo is never taken for news. */
function later(stamp: number): number {
  return Math.max(Date.now(), stamp + 1);
}

/**
 * A view's place in its group. What is born in the page is told to the other views at once and saved to the kernel;
 * what is born in Python, Python tells every widget itself.
 */
export class Link {
  private group = "";
  private openedAt: number;
  private selectedAt: number;
  private hovered = "";
  private marks = 0;
  private readonly works: { [K in keyof Facets]?: Work<K>[] } = {};
  private readonly stops: (() => void)[];

  constructor(private readonly model: Model, private readonly frame: Frame) {
    this.openedAt = (model.get("opened") as Stamped | undefined)?.stamp ?? 0;
    this.selectedAt = Number(model.get("selected_stamp") ?? 0);
    this.stops = [
      listen(model, "change:group", frame.guard(() => this.join())),
      listen(model, "change:opened", frame.guard(() => this.openedHere())),
      listen(model, "change:selected_stamp", frame.guard(() => this.selectedHere())),
    ];
    this.join();
  }

  stop(): void {
    this.stops.forEach((stop) => stop());
    this.leave();
  }

  // -- what this view does

  /** Opens an architecture in every view of the group; this view is not told, it knows. */
  open(name: string): void {
    if ((this.model.get("opened") as Stamped | undefined)?.name === name) return;
    this.keepOpened(name, later(this.openedAt));
    for (const other of this.others()) other.hearOpen(name, this.openedAt);
  }

  /** Selects rows of this view's own table in every view of the group; this view is not told, it knows. */
  select(rows: Uint32Array): void {
    this.keepSelected(rows, later(this.selectedAt));
    const selection = this.selection(rows);
    for (const other of this.others()) void other.hearSelection(selection, this.selectedAt);
  }

  /** Selects architectures by name in every view of the group, for a view without a table; returns when that was. */
  selectNames(names: string[]): number {
    this.selectedAt = later(this.selectedAt);
    const selection = { index: "", rows: Uint32Array.from(names, (_, i) => i), names: () => Promise.resolve(names) };
    for (const other of this.others()) void other.hearSelection(selection, this.selectedAt);
    return this.selectedAt;
  }

  /** Points at an architecture in the other views of the group; "" points at none. */
  hover(name: string): void {
    if (name === this.hovered) return;
    this.hovered = name;
    for (const other of this.others()) other.work("hover", name);
  }

  /** Points at many rows of this view's own table in the other views; nothing points at none. */
  mark(rows?: Uint32Array): void {
    const selection = rows && this.selection(rows);
    for (const other of this.others()) void other.hearMark(selection);
  }

  /** Puts an architecture on the group's compare tray. */
  compare(name: string): void {
    for (const other of this.others()) other.work("compare", name);
  }

  /** Whether another view of the group takes this. */
  hears(facet: keyof Facets): boolean {
    return this.others().some((other) => other.works[facet] !== undefined);
  }

  // -- what this view is told

  onOpen(work: Work<"open">): void { this.on("open", work); }
  onSelect(work: Work<"select">): void { this.on("select", work); }
  onHover(work: Work<"hover">): void { this.on("hover", work); }
  onMark(work: Work<"mark">): void { this.on("mark", work); }
  onCompare(work: Work<"compare">): void { this.on("compare", work); }
  /** Called when views join or leave the group, or begin to hear something. */
  onMembers(work: () => void): void { this.on("members", work); }

  private on<K extends keyof Facets>(facet: K, work: Work<K>): void {
    const works: Work<K>[] = (this.works[facet] as Work<K>[] | undefined) ?? [];
    (this.works as Record<K, Work<K>[]>)[facet] = [...works, this.frame.guard(work)];
    if (facet !== "members") this.tellMembers(this.group);
  }

  private work<K extends keyof Facets>(facet: K, what: Facets[K]): void {
    for (const work of (this.works[facet] as Work<K>[] | undefined) ?? []) work(what);
  }

  private hearOpen(name: string, stamp: number): void {
    if (stamp <= this.openedAt) return;
    this.keepOpened(name, stamp);
    this.work("open", name);
  }

  private async hearSelection(selection: Selection, stamp: number): Promise<void> {
    if (stamp <= this.selectedAt) return;
    this.selectedAt = stamp;
    const rows = await this.translated(selection);
    if (this.selectedAt !== stamp) return; // overtaken while the names were read
    if (rows !== undefined) this.keepSelected(rows, stamp);
    this.work("select", rows === undefined ? selection : this.selection(rows));
  }

  private async hearMark(selection: Selection | undefined): Promise<void> {
    const asked = ++this.marks;
    const rows = selection && await this.translated(selection);
    if (this.marks === asked) this.work("mark", rows && this.selection(rows));
  }

  /** The rows of this view's own table; undefined where it has none. */
  private translated(selection: Selection): Uint32Array | undefined | Promise<Uint32Array> {
    const index = this.model.get("index");
    if (index === undefined) return undefined;
    if (index === selection.index) return selection.rows;
    return Promise.all([selection.names(), placesOf(this.model)]).then(([names, places]) =>
      Uint32Array.from(names.map((name) => places.get(name) ?? -1).filter((row) => row >= 0)).sort());
  }

  // -- to and from this view's own model

  private openedHere(): void {
    const { name, stamp } = this.model.get("opened") as Stamped;
    if (name === undefined || stamp === undefined || stamp <= this.openedAt) return;
    this.openedAt = stamp;
    this.work("open", name);
  }

  private selectedHere(): void {
    const stamp = Number(this.model.get("selected_stamp"));
    if (stamp <= this.selectedAt) return;
    this.selectedAt = stamp;
    this.work("select", this.selection(rowsIn(this.model.get("selected"))));
  }

  private keepOpened(name: string, stamp: number): void {
    this.openedAt = stamp;
    this.model.set("opened", { name, stamp });
    this.model.save_changes();
  }

  private keepSelected(rows: Uint32Array, stamp: number): void {
    this.selectedAt = stamp;
    this.model.set("selected", new DataView(rows.buffer, rows.byteOffset, rows.byteLength));
    this.model.set("selected_stamp", stamp); // last: another view of this widget looks at the rows when it hears this
    this.model.save_changes();
  }

  private selection(rows: Uint32Array): Selection {
    const names = async () => {
      const all = await namesOf(this.model);
      return [...rows].map((row) => all[row]).filter((name) => name !== undefined);
    };
    return { index: String(this.model.get("index") ?? ""), rows, names };
  }

  // -- the group

  private others(): Link[] {
    return [...(groups().get(this.group) ?? [])].filter((link) => link !== this);
  }

  private join(): void {
    const before = this.leave();
    this.group = String(this.model.get("group") ?? "");
    if (this.group !== "") {
      const members = groups().get(this.group) ?? new Set();
      groups().set(this.group, members.add(this));
    }
    this.tellMembers(before);
    this.tellMembers(this.group);
    this.work("members", undefined);
  }

  private leave(): string {
    const group = this.group;
    groups().get(group)?.delete(this);
    this.group = "";
    this.tellMembers(group);
    return group;
  }

  private tellMembers(group: string): void {
    for (const link of groups().get(group) ?? []) if (link !== this) link.work("members", undefined);
  }
}

/** Row numbers from the kernel's bytes, copied because the buffer may not be aligned. */
export function rowsIn(bytes: unknown): Uint32Array {
  return new Uint32Array(copied(bytes));
}
