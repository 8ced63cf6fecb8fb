// The table's columns in the browser: those that are shown, those that the page holds, and others once Python sent them.

import { copied } from "../shared/names";
import { listen, type Model } from "../shared/model";
import { floats } from "./cloud";
import type { Axis } from "./scale";

type Shelved = Axis & { colors: [number, number] };
interface Message { kind: string; name?: string; text?: string }

export class Columns {
  private readonly known = new Map<string, Float32Array>();
  private readonly found = new Map<string, Uint8Array>();
  private readonly asked = new Set<string>();

  constructor(private readonly model: Model, private readonly size: () => number) {}

  listen(arrived: () => void): () => void {
    return listen(this.model, "msg:custom", (message: Message, buffers: unknown[]) => {
      if (message.kind === "column" && message.name !== undefined) this.known.set(message.name, floats(buffers[0]));
      else if (message.kind === "text" && message.text !== undefined) this.found.set(message.text, this.unpacked(buffers[0]));
      else return;
      arrived();
    });
  }

  /** Whether a column's numbers are in the page. */
  has(name: string): boolean {
    const axes = Object.values(this.model.get("axes") as Record<string, { name?: string }>);
    return [...axes, ...this.shelved].some((one) => one.name === name);
  }

  /** The numbers of a column; undefined until they have come. */
  values(name: string): Float32Array | undefined {
    const axes = this.model.get("axes") as Record<string, { name?: string }>;
    for (const key of ["x", "y", "color"]) if (axes[key]?.name === name) return floats(this.model.get(`${key}_values`));
    const known = this.known.get(name) ?? this.shelf(name);
    if (known) this.known.set(name, known);
    else this.ask({ kind: "column", name });
    return known;
  }

  /** Which rows' architectures contain a text, as Python found them; undefined until it has. */
  containing(text: string): Uint8Array | undefined {
    const found = this.found.get(text);
    if (!found) this.ask({ kind: "text", text });
    return found;
  }

  /** Shows a column that the page holds, where no kernel is there to do it. */
  show(key: string, name: string): void {
    const axes = this.model.get("axes") as Record<string, Partial<Shelved>>;
    const axis = [...this.shelved, ...Object.values(axes)].find((one) => one.name === name);
    const values = axis ? this.values(name) ?? new Float32Array() : new Float32Array();
    const home = key === "color" ? axis?.colors ?? axis?.home : axis?.home;
    this.model.set(`${key}_values`, new DataView(values.buffer, values.byteOffset, values.byteLength));
    this.model.set("axes", { ...axes, [key]: axis ? { ...axis, home } : {} });
  }

  private get shelved(): Shelved[] {
    return (this.model.get("shelved") ?? []) as Shelved[];
  }

  private shelf(name: string): Float32Array | undefined {
    const place = this.shelved.findIndex((one) => one.name === name);
    if (place < 0) return undefined;
    const size = this.size();
    return floats(this.model.get("shelf")).slice(place * size, (place + 1) * size);
  }

  private ask(message: Message): void {
    const key = JSON.stringify(message);
    if (!this.asked.has(key)) this.model.send(message);
    this.asked.add(key);
  }

  private unpacked(bytes: unknown): Uint8Array {
    const bits = new Uint8Array(copied(bytes));
    return Uint8Array.from({ length: this.size() }, (_, i) => ((bits[i >> 3] as number) >> (i & 7)) & 1);
  }
}
