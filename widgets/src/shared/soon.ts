// Drawing before the next frame: once, however often it is asked for, and not into an element without a size.

const PATIENCE = [100, 200, 400, 800]; // milliseconds

/**
 * An element that is hidden is drawn when its resize observer calls. But JupyterLab takes its style sheets away for a
 * moment when the theme changes: the element then has no size at the wrong time and its old one right after, of which
 * a resize observer says nothing. So it is looked at a few times more.
 */
export class Soon {
  private due = 0;
  private timer = 0;
  private tries = 0;

  constructor(private readonly element: HTMLElement, private readonly draw: (width: number, height: number) => void) {}

  ask(): void {
    this.due ||= requestAnimationFrame(() => this.run());
  }

  stop(): void {
    cancelAnimationFrame(this.due);
    clearTimeout(this.timer);
  }

  private run(): void {
    this.due = 0;
    clearTimeout(this.timer);
    const { clientWidth, clientHeight } = this.element;
    const wait = PATIENCE[this.tries];
    if (clientWidth > 0 && clientHeight > 0) {
      this.tries = 0;
      this.draw(clientWidth, clientHeight);
    } else if (wait !== undefined) {
      this.tries++;
      this.timer = setTimeout(() => this.ask(), wait);
    }
  }
}
