// The browser half of SpaceMap: all points of a table, with a menu for each axis, filters, and the paths of searches.

import { Columns } from "./map/columns";
import { Filters } from "./map/filters";
import css from "./map/map.css";
import { type Field, Scatter } from "./map/scatter";
import { Legend } from "./map/trails";
import { html } from "./shared/dom";
import { type Frame, widget } from "./shared/frame";
import { listen, type Model } from "./shared/model";

type Axes = Record<string, { label?: string }>;

function fields(model: Model, columns: Columns): Field[] {
  const names = (model.get("columns") as string[]).filter((name) => !model.alone || columns.has(name));
  const field = (key: string, words: string, names: string[]): Field => ({
    key, words, names, value: String(model.get(key)),
    choose(name) {
      model.set(key, name);
      model.save_changes();
      if (model.alone) columns.show(key, name);
    },
  });
  return [field("x", "x", names), field("y", "y", names), field("color", "colour", ["", ...names])];
}

/** Points or cells: pressed while cells are counted. */
function densityButton(model: Model, frame: Frame, scatter: Scatter): [HTMLElement, () => () => void] {
  const button = html("button", { type: "button", title: "Count the points of each cell instead of drawing them" }, "density");
  const tell = frame.guard(() => button.setAttribute("aria-pressed", String(scatter.asDensity())));
  button.addEventListener("click", frame.guard(() => {
    model.set("density", !scatter.asDensity());
    model.save_changes();
    tell();
  }));
  tell();
  return [button, () => listen(model, "change:density", tell)];
}

/** Selects the best or worst hundredth by what an axis shows. */
function extremes(model: Model, frame: Frame, scatter: Scatter): [HTMLElement, () => () => void] {
  const menu = html("select", { "aria-label": "Of what" });
  const button = html("button", { type: "button", title: "Select the hundredth of the points with the highest or lowest values" }, "top 1 %");
  const bar = html("span", { class: "wb-bar wb-extremes" }, button, menu);
  const fill = frame.guard(() => {
    const axes = model.get("axes") as Axes;
    const before = menu.value || "y:highest";
    const keys = ["y", "color", "x"].filter((key) => axes[key]?.label !== undefined);
    menu.replaceChildren(...keys.flatMap((key) => ["highest", "lowest"].map((end) =>
      html("option", { value: `${key}:${end}` }, `${end} ${axes[key]?.label}`))));
    menu.value = before;
    if (menu.value === "") menu.value = "y:highest";
  });
  button.addEventListener("click", frame.guard(() => {
    const [key, end] = menu.value.split(":");
    scatter.chooseExtreme(key as "x" | "y" | "color", end === "highest");
  }));
  fill();
  return [bar, () => listen(model, "change:axes", fill)];
}

function start(model: Model, frame: Frame): () => void {
  let size = () => 0;
  const columns = new Columns(model, () => size());
  const scatter = new Scatter(model, frame, () => fields(model, columns), "Map");
  size = () => scatter.size;
  const filters = new Filters(model, frame, columns, size, (hidden) => scatter.hide(hidden));
  const legend = new Legend(model, frame);
  const [density, listenToDensity] = densityButton(model, frame, scatter);
  const [top, listenToAxes] = extremes(model, frame, scatter);
  const note = html("span");
  const head = html("div", { class: "wb-head" }, html("h3", {}, String(model.get("title"))), note, scatter.modes);
  scatter.menus.append(html("i", { class: "wb-space" }), filters.add, density);
  scatter.foot.lastElementChild?.before(top);
  frame.root.append(head, scatter.menus, filters.chips, legend.element, scatter.stage, scatter.foot);
  const tell = () => { note.textContent = String(model.get("note")); };
  tell();
  const stops = [
    listen(model, "change:note", frame.guard(tell)), scatter.listen(), filters.listen(), legend.listen(),
    listenToDensity(), listenToAxes(),
  ];
  return () => stops.forEach((stop) => stop());
}

export default widget("wb-map", css, start);
