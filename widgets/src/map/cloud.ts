// The points: their values, where they fall on the canvas, and which of them a gesture means.

import { copied } from "../shared/names";
import { Grid } from "./grid";
import type { Axis, View } from "./scale";

export type Spot = [number, number];

export class Cloud {
  readonly size: number;
  readonly px: Float32Array;
  readonly py: Float32Array;
  private cells: Grid | undefined;

  /** `hidden` marks the rows that are no points for now. */
  constructor(
    readonly x: Float32Array, readonly y: Float32Array, readonly color: Float32Array, readonly hidden: Uint8Array,
  ) {
    this.size = x.length;
    this.px = new Float32Array(this.size);
    this.py = new Float32Array(this.size);
  }

  /** Works out the pixels; a point that is hidden, has no number or is outside the view has none. */
  place(view: View, xAxis: Axis, yAxis: Axis): number {
    let outside = 0;
    this.cells = undefined;
    for (let i = 0; i < this.size; i++) {
      const [px, py] = this.spot(i, view, xAxis, yAxis);
      const known = px === px && py === py && !this.hidden[i];
      const seen = known && view.holds(px, py);
      if (known && !seen) outside++;
      this.px[i] = seen ? px : NaN;
      this.py[i] = seen ? py : NaN;
    }
    return outside;
  }

  /** Where a point is or would be. */
  spot(i: number, view: View, xAxis: Axis, yAxis: Axis): Spot {
    const aside = 2 * ((i * 0.6180339887498949) % 1) - 1;
    return [view.px(this.x[i] as number) + aside * xAxis.jitter, view.py(this.y[i] as number) + aside * yAxis.jitter];
  }

  /** The point nearest a pixel within reach, or -1. */
  nearest(px: number, py: number, reach: number): number {
    return this.grid.nearest(px, py, reach);
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
    return this.grid.inside(corners);
  }

  /** How many points there are, in this view or not. */
  count(): number {
    let count = 0;
    for (let i = 0; i < this.size; i++) {
      if (!this.hidden[i] && this.x[i] === this.x[i] && this.y[i] === this.y[i]) count++;
    }
    return count;
  }

  private get grid(): Grid {
    return (this.cells ??= new Grid(this.px, this.py));
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
