// The kernel's side of a widget as the browser sees it: the part of anywidget's model that is used here.

export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
  /** Whether this is an exported page, where nobody will ever answer. */
  readonly alone?: boolean;
}

export type Answer = string | number | boolean | null;

/**
 * Listens to the model and returns the function that stops listening. A change is told once all that changed with it is
 * set: marimo sets and tells one value of an update after the other, Jupyter sets all of them first.
 */
export function listen(model: Model, event: string, callback: (...args: never[]) => void): () => void {
  let [due, stopped] = [false, false];
  const soon = () => {
    if (!due) queueMicrotask(() => {
      due = false;
      if (!stopped) callback();
    });
    due = true;
  };
  const told = event.startsWith("change:") ? soon : callback;
  model.on(event, told);
  return () => {
    stopped = true;
    model.off(event, told);
  };
}
