// The browser half of SpaceMap: all points of a table, with a menu for each axis and one for the colour.

import css from "./map/map.css";
import { type Field, Scatter } from "./map/scatter";
import { html } from "./shared/dom";
import { type Frame, widget } from "./shared/frame";
import { listen, type Model } from "./shared/model";

function fields(model: Model): Field[] {
  const columns = model.get("columns") as string[];
  const field = (key: string, words: string, names: string[]): Field => ({
    key, words, names, value: String(model.get(key)),
    choose(name) {
      model.set(key, name);
      model.save_changes();
    },
  });
  return [field("x", "x", columns), field("y", "y", columns), field("color", "colour", ["", ...columns])];
}

function start(model: Model, frame: Frame): () => void {
  const scatter = new Scatter(model, frame, () => fields(model), "Map");
  const note = html("span");
  const head = html("div", { class: "wb-head" }, html("h3", {}, String(model.get("title"))), note, scatter.modes);
  frame.root.append(head, scatter.menus, scatter.stage, scatter.foot);
  const tell = () => { note.textContent = String(model.get("note")); };
  tell();
  const stops = [listen(model, "change:note", frame.guard(tell)), scatter.listen()];
  return () => stops.forEach((stop) => stop());
}

export default widget("wb-map", css, start);
