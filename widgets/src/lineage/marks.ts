// The shape and the dash that stand for an operator, on canvas and in the legend.

import { svg } from "../shared/dom";

interface Form { corners: [number, number][]; dash: number[] }

// Corners in radii. What no operator made is a circle.
export const FORMS: Form[] = [
  { corners: [], dash: [] },
  { corners: [[0, -1.35], [1.35, 0], [0, 1.35], [-1.35, 0]], dash: [] },
  { corners: [[-1, -1], [1, -1], [1, 1], [-1, 1]], dash: [6, 3] },
  { corners: [[0, -1.35], [1.3, 0.95], [-1.3, 0.95]], dash: [2, 2.5] },
  { corners: [[0, 1.35], [1.3, -0.95], [-1.3, -0.95]], dash: [9, 3, 2, 3] },
  { corners: [[-0.45, -1.3], [0.45, -1.3], [0.45, -0.45], [1.3, -0.45], [1.3, 0.45], [0.45, 0.45], [0.45, 1.3], [-0.45, 1.3], [-0.45, 0.45], [-1.3, 0.45], [-1.3, -0.45], [-0.45, -0.45]], dash: [1, 3] },
];

/** The form of an operator by its number among all: a circle for none, the others in the order of their appearance. */
export function formOf(operators: string[], kind: number): Form {
  if (operators[kind] === "") return FORMS[0] as Form;
  const named = operators.slice(0, kind).filter((name) => name !== "").length;
  return FORMS[1 + (named % (FORMS.length - 1))] as Form;
}

/** Adds a mark to a path. */
export function trace(path: CanvasRenderingContext2D, form: Form, x: number, y: number, r: number): void {
  if (!form.corners.length) {
    path.moveTo(x + r, y);
    path.arc(x, y, r, 0, 2 * Math.PI);
    return;
  }
  form.corners.forEach(([dx, dy], k) => (k ? path.lineTo(x + dx * r, y + dy * r) : path.moveTo(x + dx * r, y + dy * r)));
  path.closePath();
}

/** The mark and its line, small, for the legend. */
export function sample(form: Form): SVGSVGElement {
  const [x, y, r] = [23, 7, 4];
  const mark = form.corners.length
    ? svg("path", { d: `M${form.corners.map(([dx, dy]) => `${x + dx * r},${y + dy * r}`).join("L")}Z`, class: "wb-mark" })
    : svg("circle", { cx: x, cy: y, r, class: "wb-mark" });
  const line = form === FORMS[0] ? [] : [svg("path", { d: `M0,${y}H${x}`, class: "wb-descent", "stroke-dasharray": form.dash.join(" ") || undefined })];
  return svg("svg", { width: 32, height: 14, "aria-hidden": "true" }, ...line, mark);
}
