// The selected rows, and what adding, removing and turning round make of them.

export type How = "new" | "add" | "remove";

export class Picks {
  mask = new Uint8Array();
  count = 0;

  /** Takes these rows of a table of this size as the selected ones. */
  take(rows: Uint32Array, size: number): void {
    this.mask = new Uint8Array(size);
    this.count = 0;
    for (const row of rows) {
      if (row >= size || this.mask[row]) continue;
      this.mask[row] = 1;
      this.count++;
    }
  }

  /** The selected rows once a gesture has named these. */
  after(rows: Uint32Array, how: How): Uint32Array {
    if (how === "new") return rows;
    const mask = this.mask.slice();
    for (const row of rows) mask[row] = how === "add" ? 1 : 0;
    return rowsOf(mask);
  }
}

/** The numbers of the rows that a mask marks. */
export function rowsOf(mask: Uint8Array): Uint32Array {
  let count = 0;
  for (let i = 0; i < mask.length; i++) count += mask[i] as number;
  const rows = new Uint32Array(count);
  for (let i = 0, at = 0; i < mask.length; i++) if (mask[i]) rows[at++] = i;
  return rows;
}

/** The rows with the highest or lowest values among those that are there, a share of them, at least one. */
export function extreme(values: Float32Array, hidden: Uint8Array, share: number, highest: boolean): Uint32Array {
  const known = values.filter((value, i) => value === value && !hidden[i]).sort();
  if (!known.length) return new Uint32Array();
  const wanted = Math.max(1, Math.round(known.length * share));
  const bound = known[highest ? known.length - wanted : wanted - 1] as number;
  const mask = new Uint8Array(values.length);
  let left = wanted;
  const mark = (takes: (value: number) => boolean) => {
    for (let i = 0; i < values.length && left > 0; i++) {
      if (hidden[i] || mask[i] || !takes(values[i] as number)) continue;
      mask[i] = 1;
      left--;
    }
  };
  mark((value) => (highest ? value > bound : value < bound));
  mark((value) => value === bound); // of equal ones at the bound, the first
  return rowsOf(mask);
}
