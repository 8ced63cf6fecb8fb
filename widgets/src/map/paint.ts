// Painting the map: the axes and points on one canvas, what follows the pointer on another above it.

import type { Cloud, Spot } from "./cloud";
import type { Colours } from "./colours";
import { paintDensity } from "./density";
import { disc, Plate, rgb, shadesOf } from "./splat";
import { type Axis, tickLabels, ticks, type View } from "./scale";
import { paintLines, paintTrails, type Trail } from "./trails";

export interface Scene {
  view: View; cloud: Cloud; axes: { x: Axis; y: Axis; color?: Axis };
  ramp: string[]; chosen: Uint8Array; anyChosen: boolean; colours: Colours; font: string;
  dense: boolean; trails: { trail: Trail; colour: string }[];
}

/** What the bar of colours means: ticks are shares of its height and their words. */
export interface Bar { label: string; ticks: [number, string][] }

/** Radius in pixels and opacity of the points: the fewer there are, the larger. */
function pointLook(size: number): [number, number] {
  if (size <= 500) return [3.8, 0.8];
  return size <= 3000 ? [2.4, 0.65] : [1.5, 0.5];
}

export function paintPoints(canvas: HTMLCanvasElement, scene: Scene, ratio: number): void {
  const context = prepared(canvas, ratio);
  const bar = scene.dense ? paintDensity(context, scene) : (paintDiscs(context, scene, ratio), undefined);
  context.globalCompositeOperation = "destination-over"; // the grid goes behind the points
  paintAxes(context, scene, bar ?? (scene.axes.color && colourBar(scene.axes.color, scene.view)));
  context.globalCompositeOperation = "source-over";
  paintTrails(context, scene);
}

function paintDiscs(context: CanvasRenderingContext2D, scene: Scene, ratio: number): void {
  const { cloud, ramp, chosen, anyChosen } = scene;
  const [low, high] = scene.axes.color?.home ?? [0, 1];
  const colours = [...ramp, scene.colours.quiet].map(rgb);
  const shades = shadesOf(cloud.color.length ? cloud.color : new Float32Array(cloud.size).fill(NaN), low, high, ramp.length);
  const plate = new Plate(context.canvas.width, context.canvas.height);
  const [radius, opacity] = pointLook(cloud.size);
  plate.add(cloud, ratio, disc(radius * ratio, anyChosen ? 0.2 : opacity), colours, shades, (i) => !chosen[i]);
  if (anyChosen) plate.add(cloud, ratio, disc(radius * ratio, 0.9), colours, shades, (i) => chosen[i] === 1);
  context.putImageData(plate.image(), 0, 0);
}

export interface Pointer { shape: Spot[]; hover: number; current: number; marked: number; lit: Uint32Array }

export function paintPointer(canvas: HTMLCanvasElement, scene: Scene, pointer: Pointer, ratio: number): void {
  const context = prepared(canvas, ratio);
  const { cloud, colours } = scene;
  const ring = (i: number, radius: number, stroke: string, width: number, fill?: string) => {
    const px = cloud.px[i];
    if (px === undefined || px !== px) return;
    context.beginPath();
    context.arc(px, cloud.py[i] as number, radius, 0, 2 * Math.PI);
    if (fill) {
      context.fillStyle = fill;
      context.fill();
    }
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.stroke();
  };
  paintLines(context, scene, pointer.marked);
  paintLit(context, cloud, pointer.lit, colours);
  ring(pointer.marked, 5.5, colours.ring, 3, colours.paper);
  ring(pointer.hover, 5, colours.text, 1.6);
  ring(pointer.current, 7.5, colours.focus, 2);
  if (pointer.shape.length < 2) return;
  context.beginPath();
  pointer.shape.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
  context.globalAlpha = 0.07;
  context.fillStyle = colours.focus;
  context.fill();
  context.globalAlpha = 1;
  context.setLineDash([4, 3]);
  context.strokeStyle = colours.text;
  context.lineWidth = 1.2;
  context.stroke();
}

/** The points that another view points at together: a dot with a rim each. */
function paintLit(context: CanvasRenderingContext2D, cloud: Cloud, rows: Uint32Array, colours: Colours): void {
  for (const [radius, colour] of [[3.2, colours.paper], [2.2, colours.ring]] as const) {
    context.beginPath();
    for (const row of rows) {
      const [px, py] = [cloud.px[row] as number, cloud.py[row] as number];
      if (px === px) context.rect(px - radius, py - radius, 2 * radius, 2 * radius);
    }
    context.fillStyle = colour;
    context.fill();
  }
}

/** A clean context that counts in CSS pixels. */
function prepared(canvas: HTMLCanvasElement, ratio: number): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser gives no canvas to draw on");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  return context;
}

function paintAxes(context: CanvasRenderingContext2D, scene: Scene, bar: Bar | undefined): void {
  const { view, axes, colours } = scene;
  const bottom = view.top + view.height;
  context.font = scene.font;
  context.fillStyle = colours.quiet;
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  eachTick(view.y, axes.y.factor, view.height / 55, (value, label) => {
    const py = Math.round(view.py(value)) + 0.5;
    context.beginPath();
    context.moveTo(view.left, py);
    context.lineTo(view.left + view.width, py);
    context.stroke();
    context.fillText(label, view.left - 8, py);
  });
  context.textAlign = "center";
  eachTick(view.x, axes.x.factor, view.width / 90, (value, label) => context.fillText(label, view.px(value), bottom + 14));
  context.fillText(axes.x.label, view.left + view.width / 2, bottom + 34);
  context.save();
  context.translate(9, view.top + view.height / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(axes.y.label, 0, 0);
  context.restore();
  if (bar) paintRamp(context, scene, bar);
}

function colourBar(axis: Axis, view: View): Bar {
  const [low, high] = axis.home;
  const marks: [number, string][] = [];
  eachTick(axis.home, axis.factor, view.height / 70, (value, label) => marks.push([(value - low) / (high - low), label]));
  return { label: axis.label, ticks: marks };
}

function paintRamp(context: CanvasRenderingContext2D, scene: Scene, bar: Bar): void {
  const { view, ramp } = scene;
  const left = view.left + view.width + 20;
  const each = view.height / ramp.length;
  ramp.forEach((colour, i) => {
    context.fillStyle = colour;
    context.fillRect(left, view.top + view.height - (i + 1) * each, 10, each + 0.5);
  });
  context.fillStyle = scene.colours.quiet;
  context.textAlign = "left";
  for (const [share, label] of bar.ticks) context.fillText(label, left + 15, view.top + (1 - share) * view.height);
  context.textAlign = "right";
  context.fillText(bar.label, view.left + view.width + 68, view.top - 14);
}

function eachTick(span: [number, number], factor: number, about: number, draw: (value: number, label: string) => void): void {
  const values = ticks(span[0] / factor, span[1] / factor, about);
  tickLabels(values).forEach((label, i) => draw((values[i] as number) * factor, label));
}
