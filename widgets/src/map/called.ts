// What the points are called: known at once for tables of a size that can be sent, else asked of the kernel one by one.

import type { Frame } from "../shared/frame";
import { listen, type Model } from "../shared/model";
import { namesOf, placesOf } from "../shared/names";

export class Called {
  private names: string[] = [];
  private places = new Map<string, number>();
  private readonly asked = new Map<number, string>();

  /** `told` is called when there is news. */
  constructor(private readonly model: Model, private readonly frame: Frame, private readonly told: () => void) {
    Promise.all([namesOf(model), placesOf(model)]).then(frame.guard(([names, places]) => {
      [this.names, this.places] = [names, places];
      told();
    }), frame.guard((error: unknown) => { throw error; }));
  }

  listen(): () => void {
    return listen(this.model, "msg:custom", this.frame.guard((message: { kind: string; index: number; text: string }) => {
      if (message.kind !== "name") return;
      this.asked.set(message.index, message.text);
      this.told();
    }));
  }

  /** Whether all of them are known here. */
  get complete(): boolean { return this.places.size > 0; }

  of(row: number): string | undefined { return this.asked.get(row) ?? this.names[row]; }

  row(name: string): number { return this.places.get(name) ?? -1; }

  ask(row: number): void {
    if (row >= 0 && this.of(row) === undefined) this.model.send({ kind: "name", index: row });
  }
}
