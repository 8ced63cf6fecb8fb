// The architectures that a table's rows are: read once in a page, however many views show them.

import type { Model } from "./model";

/** Fingerprint of an index -> its strings, or the row of each; shared by all bundles of the page. */
const PAGE = Symbol.for("nas-workbench/names");
interface Read { names: Promise<string[]>; places?: Promise<Map<string, number>> }
function page(): Map<string, Read> {
  const shared = globalThis as unknown as Record<symbol, Map<string, Read>>;
  return (shared[PAGE] ??= new Map());
}

/** The strings of a table's rows; none where the table is too large to send them. */
export function namesOf(model: Model): Promise<string[]> {
  return read(model).names;
}

/** String -> row of a table. */
export function placesOf(model: Model): Promise<Map<string, number>> {
  const found = read(model);
  return (found.places ??= found.names.then((names) => new Map(names.map((name, row) => [name, row]))));
}

function read(model: Model): Read {
  const index = String(model.get("index") ?? "");
  const known = page().get(index);
  if (known) return known;
  const bytes = copied(model.get("names"));
  const found: Read = { names: bytes.byteLength ? inflated(bytes) as Promise<string[]> : Promise.resolve([]) };
  if (bytes.byteLength) page().set(index, found);
  return found;
}

/** The value that deflated JSON stands for. */
export function inflated(bytes: ArrayBuffer): Promise<unknown> {
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
}

/** The bytes of a binary trait in a buffer of their own, which may have come unaligned. */
export function copied(bytes: unknown): ArrayBuffer {
  if (bytes instanceof ArrayBuffer) return bytes.slice(0);
  if (!ArrayBuffer.isView(bytes)) return new ArrayBuffer(0);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength).slice().buffer as ArrayBuffer;
}
