// Painting the map: the axes and points on one canvas, what follows the pointer on another above it.

import type { Cloud, Spot } from "./cloud";
import { disc, Plate, rgb, shadesOf } from "./splat";
import { type Axis, tickLabels, ticks, type View } from "./scale";

export interface Colours { text: string; quiet: string; line: string; paper: string; ring: string; focus: string }

export interface Scene {
  view: View; cloud: Cloud; axes: { x: Axis; y: Axis; color?: Axis };
  ramp: string[]; chosen: Uint8Array; anyChosen: boolean; colours: Colours; font: string;
}

/** Radius in pixels and opacity of the points: the fewer there are, the larger. */
function pointLook(size: number): [number, number] {
  if (size <= 500) return [3.8, 0.8];
  return size <= 3000 ? [2.4, 0.65] : [1.5, 0.5];
}

export function paintPoints(canvas: HTMLCanvasElement, scene: Scene, ratio: number): void {
  const context = prepared(canvas, ratio);
  const { cloud, ramp, chosen, anyChosen } = scene;
  const [low, high] = scene.axes.color?.home ?? [0, 1];
  const colours = [...ramp, scene.colours.quiet].map(rgb);
  const shades = shadesOf(cloud.color.length ? cloud.color : new Float32Array(cloud.size).fill(NaN), low, high, ramp.length);
  const plate = new Plate(canvas.width, canvas.height);
  const [radius, opacity] = pointLook(cloud.size);
  plate.add(cloud, ratio, disc(radius * ratio, anyChosen ? 0.2 : opacity), colours, shades, (i) => !chosen[i]);
  if (anyChosen) plate.add(cloud, ratio, disc(radius * ratio, 0.9), colours, shades, (i) => chosen[i] === 1);
  context.putImageData(plate.image(), 0, 0);
  context.globalCompositeOperation = "destination-over"; // the grid goes behind the points
  paintAxes(context, scene);
  context.globalCompositeOperation = "source-over";
}

export interface Pointer { shape: Spot[]; hover: number; current: number; marked: number }

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

/** A clean context that counts in CSS pixels. */
function prepared(canvas: HTMLCanvasElement, ratio: number): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser gives no canvas to draw on");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  return context;
}

function paintAxes(context: CanvasRenderingContext2D, scene: Scene): void {
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
  if (axes.color) paintRamp(context, scene, axes.color);
}

function paintRamp(context: CanvasRenderingContext2D, scene: Scene, axis: Axis): void {
  const { view, ramp } = scene;
  const left = view.left + view.width + 20;
  const each = view.height / ramp.length;
  ramp.forEach((colour, i) => {
    context.fillStyle = colour;
    context.fillRect(left, view.top + view.height - (i + 1) * each, 10, each + 0.5);
  });
  context.fillStyle = scene.colours.quiet;
  context.textAlign = "left";
  const [low, high] = axis.home;
  eachTick(axis.home, axis.factor, view.height / 70, (value, label) =>
    context.fillText(label, left + 15, view.top + (1 - (value - low) / (high - low)) * view.height));
  context.textAlign = "right";
  context.fillText(axis.label, view.left + view.width + 68, view.top - 14);
}

function eachTick(span: [number, number], factor: number, about: number, draw: (value: number, label: string) => void): void {
  const values = ticks(span[0] / factor, span[1] / factor, about);
  tickLabels(values).forEach((label, i) => draw((values[i] as number) * factor, label));
}
