// The export menu: texts that the kernel writes, and what the page can make of its own drawing.

import { copy, download, html } from "../shared/dom";
import type { Frame } from "../shared/frame";
import { listen, type Model } from "../shared/model";
import { type Kernel, kernelOf, type Shown, shownBy } from "./kernel";
import { Popup, type Section } from "./popup";

const ZOOM = 2; // pixels of a PNG for each of the drawing
const PATIENCE = 20_000; // ms for a file that the kernel makes: a network is built for torch code
const DRAWN = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap", "stroke-linejoin",
  "font-family", "font-size", "font-weight", "font-style", "text-anchor", "dominant-baseline",
];

const PLACED = new Set([
  "d", "x", "y", "cx", "cy", "r", "rx", "ry", "width", "height", "points", "transform", "x1", "y1", "x2", "y2",
]);

interface File { kind: string; format: string; name?: string; type?: string; text?: string; error?: string }

/** A button with the menu of everything that the present architecture can be saved as. */
export function exportMenu(model: Model, frame: Frame, shown: Shown = shownBy(model)): ExportMenu {
  return new ExportMenu(model, frame, shown);
}

export class ExportMenu {
  readonly element: HTMLElement;
  private readonly kernel: Kernel;
  private readonly waiting = new Map<string, { take: (file: File) => void; timer: number }>();
  private readonly stopListening: () => void;

  constructor(private readonly model: Model, private readonly frame: Frame, private readonly shown: Shown) {
    this.kernel = kernelOf(model, frame);
    const menu = new Popup("export", "Save this architecture as a file", () => this.sections());
    this.kernel.onChange(() => menu.refresh());
    this.element = menu.element;
    this.stopListening = listen(model, "msg:custom", frame.guard((file: File) => {
      const asked = file?.kind === "file" ? this.waiting.get(file.format) : undefined;
      if (!asked) return;
      clearTimeout(asked.timer);
      this.waiting.delete(file.format);
      asked.take(file);
    }));
  }

  stop(): void {
    this.stopListening();
    this.kernel.stop();
    this.waiting.forEach(({ timer }) => clearTimeout(timer));
  }

  private sections(): Section[] {
    const blocked = this.kernel.reason;
    const entry = (label: string, note: string, work: () => void, needs = "") => ({ label, note, blocked: needs, work: this.frame.guard(work) });
    return [{ heading: "", entries: [
      entry("SVG", "drawing", () => this.svg((text) => this.save(text, ".svg", "image/svg+xml"))),
      entry("PNG", "drawing", () => this.svg((text) => this.png(text))),
      entry("TikZ", "drawing for LaTeX", () => this.ask("tikz"), blocked),
      entry("torch code", "network", () => this.ask("torch"), blocked),
      entry("JSON", "answers", () => (blocked ? this.save(this.json(), ".json", "application/json") : this.ask("json"))),
      entry("copy text", "architecture", () => this.copyText()),
    ] }];
  }

  /** A file that the kernel writes, saved as it comes. */
  private ask(format: string): void {
    this.frame.say(`${format} is being written`);
    this.request(format, (file) => {
      if (file.text !== undefined && file.name) download(file.text, file.name, file.type ?? "text/plain");
      else this.frame.alert(`Not exported. ${file.error ?? ""}`);
    });
  }

  private request(format: string, take: (file: File) => void): void {
    clearTimeout(this.waiting.get(format)?.timer);
    const silent = () => {
      this.waiting.delete(format);
      take({ kind: "file", format, error: "The kernel has not answered: it is busy or gone. Try again when it is idle." });
    };
    this.waiting.set(format, { take, timer: window.setTimeout(this.frame.guard(silent), PATIENCE) });
    this.kernel.ask({ kind: "export", format });
  }

  /** The drawing as a text: the kernel's, and without one the page's own. */
  private svg(use: (text: string) => void): void {
    if (!this.kernel.alive) return use(standalone(this.drawing()));
    this.request("svg", (file) => use(file.text ?? standalone(this.drawing())));
  }

  private drawing(): SVGSVGElement {
    const found = this.frame.root.querySelector<SVGSVGElement>("svg.wb-picture");
    if (!found) throw new Error("this page shows no drawing that could be saved.");
    return found;
  }

  private save(text: string, suffix: string, type: string): void {
    download(text, this.name(suffix), type);
  }

  private png(text: string): void {
    const { alert, guard } = this.frame;
    const picture = new Image();
    picture.onerror = () => alert("Not exported. This browser cannot read its own drawing: save it as SVG.");
    picture.onload = guard(() => {
      const canvas = html("canvas", { width: Math.round(picture.width * ZOOM), height: Math.round(picture.height * ZOOM) });
      canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
      canvas.toBlob(guard((blob: Blob | null) => {
        if (!blob) return alert("Not exported. The drawing is too large for a PNG of this browser: save it as SVG.");
        const link = html("a", { href: URL.createObjectURL(blob), download: this.name(".png") });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 1000);
      }), "image/png");
    });
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  }

  private copyText(): void {
    const { alert, say } = this.frame;
    copy(this.text()).then(() => say("copied"), (error) => alert(`Not copied: ${error}`));
  }

  /** What `wb.read_architecture` reads back. */
  private json(): string {
    const record = {
      format: "nas-workbench.architecture", version: 1, space: this.space(), string: this.text(), decisions: this.shown.decisions(),
    };
    return `${JSON.stringify(record, null, 2)}\n`;
  }

  /** The space and a short hash of the string, as the kernel names its files. */
  private name(suffix: string): string {
    const space = this.space().replace(/[^A-Za-z0-9_-]+/g, "_").slice(0, 40).replace(/^_+|_+$/g, "") || "architecture";
    return `${space}-${crc32(this.text())}${suffix}`;
  }

  private text(): string { return this.shown.text(); }

  private space(): string {
    return String((this.model.get("asked") as { space?: string } | undefined)?.space ?? "");
  }
}

/** An SVG that looks the same wherever it is shown: colours and fonts written out, the view's zoom undone, on white. */
export function standalone(element: SVGSVGElement): string {
  const root = element.closest<HTMLElement>(".wb") ?? document.body;
  const scheme = root.style.colorScheme;
  root.style.colorScheme = "light"; // until the colours have been read: nothing is painted in between
  try {
    return written(element, getComputedStyle(root).backgroundColor);
  } finally {
    root.style.colorScheme = scheme;
  }
}

function written(element: SVGSVGElement, paper: string): string {
  const copied = element.cloneNode(true) as SVGSVGElement;
  const [from, to] = [element, copied].map((one) => [...one.querySelectorAll<SVGElement>("*")]);
  const unseen = from!.map((original, i) => inline(original, to![i]!) || original.matches(".wb-reach, foreignObject, style, script, title"));
  to!.filter((_, i) => unseen[i]).forEach((part) => part.remove());
  const world = element.querySelector<SVGGElement>(".wb-world");
  if (world) to![from!.indexOf(world)]?.removeAttribute("transform");
  const box = (world ?? element).getBBox();
  const [x, y, width, height] = [box.x - 12, box.y - 12, box.width + 24, box.height + 24].map(Math.round);
  for (const name of [...copied.getAttributeNames()]) copied.removeAttribute(name);
  const attributes: Record<string, string> = {
    xmlns: "http://www.w3.org/2000/svg", viewBox: `${x} ${y} ${width} ${height}`, width: `${width}`, height: `${height}`,
    role: "img", "aria-label": element.getAttribute("aria-label") ?? "",
  };
  for (const [name, value] of Object.entries(attributes)) copied.setAttribute(name, value);
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  const around: Record<string, string> = { x: `${x}`, y: `${y}`, width: `${width}`, height: `${height}`, fill: paper };
  for (const [name, value] of Object.entries(around)) ground.setAttribute(name, value);
  copied.prepend(ground);
  return new XMLSerializer().serializeToString(copied);
}

/** Writes how an element is drawn into its copy, takes away what only a living page knows; true where it is not seen. */
function inline(original: SVGElement, copied: SVGElement): boolean {
  const style = getComputedStyle(original);
  for (const name of [...copied.getAttributeNames()]) if (!PLACED.has(name)) copied.removeAttribute(name);
  const isFirst = original.parentElement instanceof SVGSVGElement;
  const around = !isFirst && original.parentElement ? getComputedStyle(original.parentElement) : undefined;
  for (const name of DRAWN) {
    const value = style.getPropertyValue(name);
    if (value && value !== around?.getPropertyValue(name)) copied.setAttribute(name, value); // the others are inherited
  }
  if (style.opacity !== "1") copied.setAttribute("opacity", style.opacity);
  return style.display === "none" || style.visibility !== "visible";
}

/** The CRC-32 of a text in UTF-8, as eight hexadecimal digits: `zlib.crc32` gives the same. */
export function crc32(text: string): string {
  let crc = ~0;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (~crc >>> 0).toString(16).padStart(8, "0");
}
