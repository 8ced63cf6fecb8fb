// The diverging scale from -1 to 1 on light and on dark paper, and the ink that can be read on each of its colours.

type Rgb = [number, number, number];

const LIGHT: [Rgb, Rgb, Rgb] = [[178, 24, 43], [244, 246, 248], [33, 102, 172]];
const DARK: [Rgb, Rgb, Rgb] = [[224, 89, 106], [39, 49, 60], [79, 155, 230]];
const INKS: [Rgb, Rgb] = [[5, 8, 12], [255, 255, 255]];

/** CSS colours of a square and of the number in it. */
export function colours(value: number): { fill: string; ink: string } {
  const [light, dark] = [mixed(value, LIGHT), mixed(value, DARK)];
  return { fill: pair(light, dark), ink: pair(inkOn(light), inkOn(dark)) };
}

/** The gradient of the whole scale, for a legend. */
export function gradient(): string {
  return `linear-gradient(to right, ${[-1, 0, 1].map((value) => colours(value).fill).join(", ")})`;
}

function mixed(value: number, [unlike, middle, alike]: [Rgb, Rgb, Rgb]): Rgb {
  const end = value < 0 ? unlike : alike;
  const share = Math.min(1, Math.abs(value));
  return middle.map((channel, i) => Math.round(channel + share * ((end[i] as number) - channel))) as Rgb;
}

function inkOn(paper: Rgb): Rgb {
  const [dark, light] = INKS.map((ink) => contrast(ink, paper)) as [number, number];
  return dark >= light ? INKS[0] : INKS[1];
}

/** The contrast ratio of two colours (WCAG 2.2). */
function contrast(a: Rgb, b: Rgb): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((channel) => {
    const v = channel / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function pair(light: Rgb, dark: Rgb): string { return `light-dark(rgb(${light.join(" ")}), rgb(${dark.join(" ")}))`; }
