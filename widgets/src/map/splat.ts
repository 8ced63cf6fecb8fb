// The points as pixels: blending small discs by hand is several times quicker than asking a canvas without a GPU.

import type { Cloud } from "./cloud";

type Rgb = [number, number, number];
type Disc = { dx: number; dy: number; cover: number }[];

/** An image to blend discs into; colours are kept multiplied by their opacity until the end. */
export class Plate {
  private readonly data: Uint8ClampedArray<ArrayBuffer>;

  constructor(private readonly width: number, private readonly height: number) {
    this.data = new Uint8ClampedArray(width * height * 4);
  }

  /** Blends a disc at every point that `wanted` takes, in the colour that `shade` picks. */
  add(cloud: Cloud, ratio: number, disc: Disc, colours: Rgb[], shade: Uint8Array, wanted: (i: number) => boolean): void {
    const { data, width, height } = this;
    for (let i = 0; i < cloud.size; i++) {
      const px = cloud.px[i] as number;
      if (px !== px || !wanted(i)) continue;
      const x = Math.round(px * ratio);
      const y = Math.round((cloud.py[i] as number) * ratio);
      const [r, g, b] = colours[shade[i] as number] as Rgb;
      for (const { dx, dy, cover } of disc) {
        const column = x + dx;
        const row = y + dy;
        if (column < 0 || row < 0 || column >= width || row >= height) continue;
        const at = (row * width + column) * 4;
        const rest = 1 - cover;
        data[at] = r * cover + (data[at] as number) * rest;
        data[at + 1] = g * cover + (data[at + 1] as number) * rest;
        data[at + 2] = b * cover + (data[at + 2] as number) * rest;
        data[at + 3] = 255 * cover + (data[at + 3] as number) * rest;
      }
    }
  }

  image(): ImageData {
    const { data } = this;
    for (let at = 0; at < data.length; at += 4) {
      const opacity = data[at + 3] as number;
      if (opacity === 0 || opacity === 255) continue;
      const share = 255 / opacity;
      data[at] = (data[at] as number) * share;
      data[at + 1] = (data[at + 1] as number) * share;
      data[at + 2] = (data[at + 2] as number) * share;
    }
    return new ImageData(data, this.width, this.height);
  }
}

/** The pixels of a disc with a soft rim, and how much of each it covers. */
export function disc(radius: number, opacity: number): Disc {
  const reach = Math.ceil(radius);
  const pixels: Disc = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const cover = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(dx, dy))) * opacity;
      if (cover > 0.01) pixels.push({ dx, dy, cover });
    }
  }
  return pixels;
}

/** The number of each point's colour: `shades` of them from low to high, and one more for points without a value. */
export function shadesOf(values: Float32Array, low: number, high: number, shades: number): Uint8Array {
  return Uint8Array.from(values, (value) => {
    const share = (value - low) / (high - low);
    return share === share ? Math.max(0, Math.min(shades - 1, Math.floor(share * shades))) : shades;
  });
}

/** Red, green and blue of a CSS colour such as "#1b2733" or "rgb(27, 39, 51)". */
export function rgb(colour: string): Rgb {
  const hex = /^#(..)(..)(..)$/.exec(colour);
  if (hex) return [1, 2, 3].map((i) => parseInt(hex[i] as string, 16)) as Rgb;
  const numbers = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return [numbers[0] ?? 0, numbers[1] ?? 0, numbers[2] ?? 0];
}
