// Links to a run's files: in JupyterLab they open in the lab itself, in a page without a kernel they are only named.

import { html, put } from "../shared/dom";

/** A link that opens the file at `path`, which is relative to the folder of the notebook that is open. */
export function fileLink(words: string, path: string, alone: boolean): HTMLElement {
  if (alone) return html("span", { class: "wb-file" }, `${words}: ${path}`);
  const link = html("a", { class: "wb-file", target: "_blank", rel: "noopener", title: path }, words);
  const aim = () => {
    const found = inLab(path);
    put(link, {
      href: found ? found.href : `./${path.split("/").map(encodeURIComponent).join("/")}`,
      // JupyterLab and Notebook 7 take clicks on elements with these attributes as the named command.
      "data-commandlinker-command": found ? "docmanager:open" : undefined,
      "data-commandlinker-args": found ? JSON.stringify({ path: found.path }) : undefined,
    });
  };
  aim();
  link.addEventListener("pointerdown", aim); // the notebook may have been renamed, or stand in another place
  link.addEventListener("click", aim);
  return link;
}

/** Where a path that is relative to the open notebook is for the server; undefined outside of Jupyter, or of its root. */
function inLab(path: string): { href: string; path: string } | undefined {
  const found = /^(.*?\/)(lab\/workspaces\/[^/]+\/tree|lab\/tree|doc\/tree|notebooks)\/(.*)$/.exec(location.pathname);
  const bare = found ? undefined : /^(.*?\/)(lab)\/?$/.exec(location.pathname);
  if (!found && !bare) return undefined;
  const [, base = "/", room = "lab", here = ""] = (found ?? bare) as RegExpExecArray;
  const steps = path.startsWith("/") ? undefined : decoded(here).split("/").slice(0, -1);
  if (!steps) return undefined;
  for (const step of path.split("/")) {
    if (step === "..") {
      if (steps.pop() === undefined) return undefined;
    } else if (step !== "." && step !== "") steps.push(step);
  }
  const place = room === "notebooks" ? "notebooks" : "lab/tree";
  return { href: `${base}${place}/${steps.map(encodeURIComponent).join("/")}`, path: steps.join("/") };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
