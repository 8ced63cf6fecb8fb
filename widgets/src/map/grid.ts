// The points on the canvas in square cells, so that what lies near a pixel or in a shape is found without looking at all.

import type { Spot } from "./cloud";
import { rowsOf } from "./picks";

const CELL = 16; // pixels

export class Grid {
  private readonly across: number;
  private readonly down: number;
  private readonly starts: Uint32Array; // where each cell's points begin in `order`
  private readonly order: Uint32Array;

  constructor(private readonly px: Float32Array, private readonly py: Float32Array) {
    let [right, bottom] = [0, 0];
    for (let i = 0; i < px.length; i++) {
      if ((px[i] as number) > right) right = px[i] as number;
      if ((py[i] as number) > bottom) bottom = py[i] as number;
    }
    this.across = Math.floor(right / CELL) + 1;
    this.down = Math.floor(bottom / CELL) + 1;
    this.starts = new Uint32Array(this.across * this.down + 1);
    const cells = new Int32Array(px.length);
    for (let i = 0; i < px.length; i++) {
      const cell = px[i] === px[i] ? this.row(py[i] as number) * this.across + this.column(px[i] as number) : -1;
      cells[i] = cell;
      if (cell >= 0) this.starts[cell + 1]!++;
    }
    for (let c = 1; c < this.starts.length; c++) this.starts[c]! += this.starts[c - 1] as number;
    this.order = new Uint32Array(this.starts[this.starts.length - 1] as number);
    const next = this.starts.slice();
    for (let i = 0; i < px.length; i++) {
      const cell = cells[i] as number;
      if (cell >= 0) this.order[next[cell]!++] = i;
    }
  }

  /** The point nearest a pixel within reach, or -1. */
  nearest(x: number, y: number, reach: number): number {
    let best = -1;
    let least = reach * reach;
    for (let row = this.row(y - reach); row <= this.row(y + reach); row++) {
      for (let column = this.column(x - reach); column <= this.column(x + reach); column++) {
        this.each(row * this.across + column, (i) => {
          const d = ((this.px[i] as number) - x) ** 2 + ((this.py[i] as number) - y) ** 2;
          if (d < least || (d === least && i > best)) [best, least] = [i, d];
        });
      }
    }
    return best;
  }

  /**
   * The rows inside a polygon of pixels, by the even-odd rule. A cell that no side of the polygon goes through is
   * inside or outside as a whole; only the points of the others are looked at one by one.
   */
  inside(corners: Spot[]): Uint32Array {
    const touched = this.touched(corners);
    const found = new Uint8Array(this.px.length);
    for (let cell = 0; cell < touched.length; cell++) {
      if (this.starts[cell] === this.starts[cell + 1]) continue;
      const middle: Spot = [((cell % this.across) + 0.5) * CELL, (Math.floor(cell / this.across) + 0.5) * CELL];
      if (touched[cell]) this.each(cell, (i) => { if (within(corners, this.px[i] as number, this.py[i] as number)) found[i] = 1; });
      else if (within(corners, ...middle)) this.each(cell, (i) => { found[i] = 1; });
    }
    return rowsOf(found);
  }

  /** The cells that a side of the polygon goes through, and those around them. */
  private touched(corners: Spot[]): Uint8Array {
    const touched = new Uint8Array(this.across * this.down);
    const mark = (row: number, column: number) => {
      if (row >= 0 && column >= 0 && row < this.down && column < this.across) touched[row * this.across + column] = 1;
    };
    for (let a = 0, b = corners.length - 1; a < corners.length; b = a++) {
      const [[ax, ay], [bx, by]] = [corners[a] as Spot, corners[b] as Spot];
      const steps = Math.ceil(Math.hypot(bx - ax, by - ay) / (CELL / 2)) + 1;
      for (let s = 0; s <= steps; s++) {
        const row = Math.floor((ay + ((by - ay) * s) / steps) / CELL);
        const column = Math.floor((ax + ((bx - ax) * s) / steps) / CELL);
        for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) mark(row + dy, column + dx);
      }
    }
    return touched;
  }

  private each(cell: number, work: (i: number) => void): void {
    const end = this.starts[cell + 1] as number;
    for (let at = this.starts[cell] as number; at < end; at++) work(this.order[at] as number);
  }

  private column(x: number): number { return Math.max(0, Math.min(this.across - 1, Math.floor(x / CELL))); }
  private row(y: number): number { return Math.max(0, Math.min(this.down - 1, Math.floor(y / CELL))); }
}

function within(corners: Spot[], x: number, y: number): boolean {
  let odd = false;
  for (let a = 0, b = corners.length - 1; a < corners.length; b = a++) {
    const [ax, ay] = corners[a] as Spot;
    const [bx, by] = corners[b] as Spot;
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}
