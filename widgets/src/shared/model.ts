// The kernel's side of a widget as the browser sees it: the part of anywidget's model that is used here.

export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
}

export type Answer = string | number | boolean | null;

/** Listens to the model and returns the function that stops listening. */
export function listen(model: Model, event: string, callback: (...args: never[]) => void): () => void {
  model.on(event, callback);
  return () => model.off(event, callback);
}
