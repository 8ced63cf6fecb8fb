// What the kernel says of studies, taken into a view's trials and drawings; what was missed is asked for again.

import type { Frame } from "../shared/frame";
import { listen, type Model } from "../shared/model";
import type { Cells, Drawn } from "./cells";
import type { Standing } from "./standing";
import type { Row, Trials } from "./trials";

interface More { kind: "more"; from: number; rows: Row[]; cells: Drawn[]; shapes: number; inks: number }
interface All { kind: "all"; rows: Row[]; cells: Drawn }
type Said = More | All | { kind: "beat" };

export class Follower {
  private due = 0;

  /** `draw` is called at most once a frame, however much has come. */
  constructor(
    private readonly model: Model, private readonly frame: Frame, private readonly trials: Trials,
    private readonly cells: Cells, private readonly standing: Standing, private readonly draw: () => void,
  ) {}

  listen(): () => void {
    const { model, frame, trials } = this;
    const stops = [
      listen(model, "msg:custom", frame.guard((said: Said) => this.heard(said))),
      listen(model, "change:status", frame.guard(() => this.changed())),
      this.standing.listen(() => this.ask({ kind: "hello", have: trials.size })),
      () => cancelAnimationFrame(this.due),
    ];
    this.ask({ kind: "hello", have: trials.size });
    return () => stops.forEach((stop) => stop());
  }

  ask(content: object): void {
    this.attempt(() => this.model.send(content));
  }

  /** Does what needs the kernel: JupyterLab throws where there is none any more, and the view goes on without. */
  attempt(work: () => void): void {
    try {
      work();
    } catch {
      this.standing.lost();
    }
  }

  private heard(said: Said): void {
    this.standing.heard();
    const rows = this.trials.rows;
    if (said.kind === "all") {
      rows.splice(0, Infinity, ...said.rows);
      this.cells.replace(said.cells);
      this.trials.reset();
    } else if (said.kind === "more") {
      const known = this.cells.add(said.cells, said.shapes, said.inks);
      if (said.from > rows.length || !known) return this.ask({ kind: "hello", have: -1 });
      rows.push(...said.rows.slice(rows.length - said.from)); // another view of this widget may have been before
    } else return;
    this.changed();
  }

  private changed(): void {
    this.standing.heard();
    this.due ||= requestAnimationFrame(this.frame.guard(() => {
      this.due = 0;
      this.draw();
    }));
  }
}
