// The colours of the style sheet as a canvas needs them: read from an element that the style sheet has coloured.

import { html } from "../shared/dom";

export interface Colours { text: string; quiet: string; line: string; paper: string; ring: string; focus: string; others: string[] }

/** The roles' colours under this root now, light or dark, and those of other CSS colours. */
export function coloursOf(root: HTMLElement, others: string[]): Colours {
  const probe = html("i", { hidden: true });
  root.append(probe);
  const colour = (css: string) => {
    probe.style.color = css;
    return getComputedStyle(probe).color;
  };
  const role = (name: string) => colour(`var(--wb-${name})`);
  const found = {
    text: role("text"), quiet: role("quiet"), line: role("line"), paper: role("paper"), ring: role("ring"), focus: role("focus"),
    others: others.map(colour),
  };
  probe.remove();
  return found;
}
