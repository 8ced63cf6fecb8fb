// From values to pixels, and round numbers for the ticks.

export interface Axis {
  name: string; label: string; factor: number; home: [number, number]; whole: [number, number]; jitter: number;
}

/** Round numbers from low to high, 1, 2 or 5 times a power of ten apart. */
export function ticks(low: number, high: number, about: number): number[] {
  const raw = (high - low) / Math.max(about, 1);
  if (!(raw > 0) || !Number.isFinite(raw)) return [];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((m) => m * power >= raw * 0.999) ?? 10) * power;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => (first + i) * step);
}

/** The ticks as texts with as many decimals as their step needs. */
export function tickLabels(values: number[]): string[] {
  const step = values.length > 1 ? Math.abs((values[1] as number) - (values[0] as number)) : 1;
  if (step < 1e-4 || step >= 1e6) return values.map((value) => value.toExponential(1));
  const decimals = Math.min(8, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  return values.map((value) => (value + 0).toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }));
}

/** A value as a person reads it, four digits. */
export function reading(value: number, axis: Axis): string {
  const shown = value / axis.factor;
  return Number.isFinite(shown) ? Number(shown.toPrecision(4)).toLocaleString("en-US", { maximumFractionDigits: 8 }) : "no number";
}

/** A box of values, and the pixels it is drawn on. */
export class View {
  constructor(
    public x: [number, number],
    public y: [number, number],
    public left = 0, public top = 0, public width = 1, public height = 1,
  ) {}

  px(value: number): number { return this.left + ((value - this.x[0]) / (this.x[1] - this.x[0])) * this.width; }
  py(value: number): number { return this.top + (1 - (value - this.y[0]) / (this.y[1] - this.y[0])) * this.height; }
  vx(px: number): number { return this.x[0] + ((px - this.left) / this.width) * (this.x[1] - this.x[0]); }
  vy(py: number): number { return this.y[0] + (1 - (py - this.top) / this.height) * (this.y[1] - this.y[0]); }

  holds(px: number, py: number): boolean {
    return px >= this.left - 2 && px <= this.left + this.width + 2 && py >= this.top - 2 && py <= this.top + this.height + 2;
  }

  /** Zooms about a pixel: factors below one come nearer. */
  zoom(px: number, py: number, factor: number): void {
    const [vx, vy] = [this.vx(px), this.vy(py)];
    this.x = [vx + (this.x[0] - vx) * factor, vx + (this.x[1] - vx) * factor];
    this.y = [vy + (this.y[0] - vy) * factor, vy + (this.y[1] - vy) * factor];
  }

  pan(dx: number, dy: number): void {
    const mx = (dx / this.width) * (this.x[1] - this.x[0]);
    const my = (dy / this.height) * (this.y[1] - this.y[0]);
    this.x = [this.x[0] - mx, this.x[1] - mx];
    this.y = [this.y[0] + my, this.y[1] + my];
  }
}
