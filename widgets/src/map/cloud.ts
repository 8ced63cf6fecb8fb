// The points: their values, where they fall on the canvas, and which of them a gesture means.

import { copied } from "../shared/names";
import type { Axis, View } from "./scale";

export type Spot = [number, number];

export class Cloud {
  readonly size: number;
  readonly px: Float32Array;
  readonly py: Float32Array;

  constructor(readonly x: Float32Array, readonly y: Float32Array, readonly color: Float32Array) {
    this.size = x.length;
    this.px = new Float32Array(this.size);
    this.py = new Float32Array(this.size);
  }

  /** Works out the pixels; a point without a number, or outside the view, has none. */
  place(view: View, xAxis: Axis, yAxis: Axis): number {
    let outside = 0;
    for (let i = 0; i < this.size; i++) {
      const aside = 2 * ((i * 0.6180339887498949) % 1) - 1;
      const px = view.px(this.x[i] as number) + aside * xAxis.jitter;
      const py = view.py(this.y[i] as number) + aside * yAxis.jitter;
      const known = px === px && py === py;
      const seen = known && view.holds(px, py);
      if (known && !seen) outside++;
      this.px[i] = seen ? px : NaN;
      this.py[i] = seen ? py : NaN;
    }
    return outside;
  }

  /** The point nearest a pixel within reach, or -1. */
  nearest(px: number, py: number, reach: number): number {
    let best = -1;
    let least = reach * reach;
    for (let i = 0; i < this.size; i++) {
      const d = ((this.px[i] as number) - px) ** 2 + ((this.py[i] as number) - py) ** 2;
      if (d <= least) [best, least] = [i, d];
    }
    return best;
  }

  /** The nearest point in a direction: sideways distance counts threefold. */
  beyond(from: number, dx: number, dy: number): number {
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < this.size; i++) {
      const x = (this.px[i] as number) - (this.px[from] as number);
      const y = (this.py[i] as number) - (this.py[from] as number);
      const ahead = x * dx + y * dy;
      const cost = ahead + 3 * Math.abs(x * dy - y * dx);
      if (ahead > 0.75 && cost < least) [best, least] = [i, cost];
    }
    return best;
  }

  /** The rows inside a polygon of pixels, by the even-odd rule. */
  inside(corners: Spot[]): Uint32Array {
    const rows: number[] = [];
    for (let i = 0; i < this.size; i++) {
      const [x, y] = [this.px[i] as number, this.py[i] as number];
      let odd = false;
      for (let a = 0, b = corners.length - 1; a < corners.length; b = a++) {
        const [ax, ay] = corners[a] as Spot;
        const [bx, by] = corners[b] as Spot;
        if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
      }
      if (odd) rows.push(i);
    }
    return Uint32Array.from(rows);
  }
}

/** The corners of the box between two opposite ones. */
export function box(from: Spot, to: Spot): Spot[] {
  return [from, [to[0], from[1]], to, [from[0], to[1]]];
}

/** Numbers from the kernel's bytes. */
export function floats(bytes: unknown): Float32Array {
  return new Float32Array(copied(bytes));
}
