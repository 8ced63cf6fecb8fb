// Brings the widgets of a page without a kernel to life: their states are data in the page, their bundles stand before.

import type { Model } from "./shared/model";

type Callback = (...args: never[]) => void;
interface Kept { bundle: string; state: Record<string, unknown>; buffers: Record<string, number> }
interface Stock { models: Record<string, Kept>; buffers: string[] }
interface Bundle { render(context: { model: Model; el: HTMLElement }): unknown }

/** A widget's model as anywidget gives it to a browser half, but with nobody at the other end. */
class Alone implements Model {
  readonly alone = true;
  private readonly listeners = new Map<string, Set<Callback>>();

  constructor(readonly values: Map<string, unknown>) {}

  get(name: string): unknown {
    return this.values.get(name);
  }

  set(name: string, value: unknown): void {
    if (this.values.has(name) && equal(this.values.get(name), value)) return;
    this.values.set(name, value);
    this.emit(`change:${name}`, this, value);
  }

  save_changes(): void {}

  send(): void {}

  on(event: string, callback: Callback): void {
    const heard = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, heard.add(callback));
  }

  off(event: string, callback: Callback): void {
    this.listeners.get(event)?.delete(callback);
  }

  emit(event: string, ...what: unknown[]): void {
    for (const callback of [...(this.listeners.get(event) ?? [])]) callback(...(what as never[]));
  }
}

/** Equal by content, as the models of a notebook compare: setting what is there already is no change. */
function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (ArrayBuffer.isView(a) || ArrayBuffer.isView(b)) return ArrayBuffer.isView(a) && ArrayBuffer.isView(b) && sameBytes(a, b);
  const [inA, inB] = [Object.entries(a), new Map(Object.entries(b))];
  return Array.isArray(a) === Array.isArray(b) && inA.length === inB.size
    && inA.every(([name, value]) => inB.has(name) && equal(value, inB.get(name)));
}

function sameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const [left, right] = [a, b].map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return left!.length === right!.length && left!.every((byte, i) => byte === right![i]);
}

/** The bytes of a text: base64 of what zlib has made small. */
async function inflated(text: string): Promise<ArrayBuffer> {
  const small = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([small]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}

async function modelsOf(stock: Stock): Promise<Map<string, [Bundle | undefined, Alone]>> {
  const bundles = new Map(Object.entries((globalThis as { workbenchBundles?: Record<string, Bundle> }).workbenchBundles ?? {}));
  const buffers = await Promise.all(stock.buffers.map(inflated));
  return new Map(Object.entries(stock.models).map(([id, kept]) => {
    const binary = Object.entries(kept.buffers).map(([name, i]) => [name, new DataView(buffers[i]!)] as const);
    return [id, [bundles.get(kept.bundle), new Alone(new Map([...Object.entries(kept.state), ...binary]))]];
  }));
}

async function start(): Promise<void> {
  const stock = JSON.parse(document.querySelector("script[data-widgets]")!.textContent!) as Stock;
  const models = await modelsOf(stock);
  // Whoever has a script on this page can reach the widgets through here; it is told before the first one is shown.
  Object.assign(globalThis, { workbenchModels: [...models.values()].map(([, model]) => model) });
  document.dispatchEvent(new Event("workbench:models"));
  for (const place of document.querySelectorAll<HTMLElement>("[data-widget]")) {
    const [bundle, model] = models.get(place.dataset["widget"]!) ?? [];
    if (!bundle || !model) continue; // the still stays
    bundle.render({ model, el: place });
    place.closest(".widget")?.classList.add("alive");
  }
  document.documentElement.dataset["widgets"] = "alive";
}

void start();
