// Very many points as cells: how many each holds, on a logarithmic scale, or their mean colour.

import type { Bar, Scene } from "./paint";
import { rgb } from "./splat";

const CELL = 3; // CSS pixels
const FAINT = 0.06; // the share of its strength that a point keeps while others are selected

/** Paints the cells; returns what the bar of colours means. */
export function paintDensity(context: CanvasRenderingContext2D, scene: Scene): Bar | undefined {
  const { view, cloud, ramp, axes } = scene;
  const [across, down] = [Math.ceil(view.width / CELL), Math.ceil(view.height / CELL)];
  const counted = countCells(scene, across, down);
  let most = 0;
  for (const count of counted.strength) if (count > most) most = count;
  const colours = [...ramp, scene.colours.quiet].map(rgb);
  const image = new ImageData(across, down);
  const [low, high] = axes.color?.home ?? [0, 1];
  for (let cell = 0; cell < counted.strength.length; cell++) {
    const strength = counted.strength[cell] as number;
    if (strength === 0) continue;
    const share = Math.log1p(strength) / Math.log1p(most);
    const known = counted.known[cell] as number;
    const tone = !axes.color ? share : known > 0 ? ((counted.sum[cell] as number) / known - low) / (high - low) : NaN;
    const shade = tone === tone ? Math.max(0, Math.min(ramp.length - 1, Math.floor(tone * ramp.length))) : ramp.length;
    const [r, g, b] = colours[shade] as [number, number, number];
    image.data.set([r, g, b, 255 * (axes.color ? 0.3 + 0.7 * share : Math.min(1, strength))], cell * 4);
  }
  const small = new OffscreenCanvas(across, down);
  small.getContext("2d")!.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, view.left, view.top, across * CELL, down * CELL);
  return axes.color ? undefined : countBar(most, cloud.size);
}

function countCells(scene: Scene, across: number, down: number) {
  const { view, cloud, chosen, anyChosen } = scene;
  const cells = across * down;
  const [strength, sum, known] = [new Float32Array(cells), new Float32Array(cells), new Float32Array(cells)];
  for (let i = 0; i < cloud.size; i++) {
    const px = cloud.px[i] as number;
    if (px !== px) continue;
    const column = Math.max(0, Math.min(across - 1, Math.floor((px - view.left) / CELL)));
    const row = Math.max(0, Math.min(down - 1, Math.floor(((cloud.py[i] as number) - view.top) / CELL)));
    const cell = row * across + column;
    const one = anyChosen && !chosen[i] ? FAINT : 1;
    strength[cell]! += one;
    const color = cloud.color[i] as number;
    if (color !== color) continue;
    sum[cell]! += one * color;
    known[cell]! += one;
  }
  return { strength, sum, known };
}

function countBar(most: number, size: number): Bar {
  const ticks: [number, string][] = [];
  for (let value = 1; value <= most && value <= size; value *= 10) {
    ticks.push([Math.log1p(value) / Math.log1p(most), value.toLocaleString("en-US")]);
  }
  return { label: "architectures per cell", ticks };
}
