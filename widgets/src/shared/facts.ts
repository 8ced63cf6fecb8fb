// How a fact is written: the kernel's templates (workbench/widgets/facts.py) filled with numbers, the same to the letter.

export interface Fact { value: string; label: string; note: string; spread: string }

export interface Figure { column: string; format: string; digits: number; one: string; many: string }
/** Text and numbers that are left out together where one of the numbers is not known. */
type Piece = (string | Figure)[];
export interface Template { value: Piece; label: Piece[]; note: Piece; spread: Piece; column: string }

/** The fact that a template and its numbers make; undefined where its value is not known. */
export function filled(template: Template, number: (column: string) => number): Fact | undefined {
  const piece = (parts: Piece) => parts.some((part) => typeof part !== "string" && Number.isNaN(number(part.column)))
    ? "" : parts.map((part) => (typeof part === "string" ? part : written(part, number(part.column)))).join("");
  const value = piece(template.value);
  if (value === "") return undefined;
  return { value, label: template.label.map(piece).join(""), note: piece(template.note), spread: piece(template.spread) };
}

type Format = (value: number, figure: Figure) => string;
const FORMATS: Record<string, Format> = {
  quantity: (value) => quantity(value),
  thousands: (value) => grouped(fixed(value, 0)),
  fixed: (value, { digits }) => fixed(value, digits),
  general: (value, { digits }) => general(value, digits),
  noun: (value, { one, many }) => (value === 1 ? one : many),
};

export function written(figure: Figure, value: number): string {
  const format = FORMATS[figure.format];
  if (!format) throw new Error(`no number is written as ${JSON.stringify(figure.format)}`);
  return format(value, figure);
}

/** A number with three digits and its thousands as k, M or G. */
export function quantity(value: number): string {
  for (const [factor, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    if (Math.abs(value) >= factor / 10) return `${threeDigits(value / factor)} ${letter}`;
  }
  return threeDigits(value);
}

function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1000) return String(value === 0 ? 0 : value);
  if (size < 1) return general(value, 3);
  return grouped(fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : 2));
}

function grouped(digits: string): string {
  const [whole = "", ...rest] = digits.split(".");
  return [whole.replace(/\B(?=(\d{3})+$)/g, ","), ...rest].join(".");
}

/** Python's `.{digits}f`: of two equally near numbers the even one, where JavaScript takes the larger. */
export function fixed(value: number, digits: number): string {
  return evenly(value, digits, (decimals) => value.toFixed(decimals));
}

/** Python's `.{digits}g`: no noughts at the end, an exponent for numbers that are very small or have more digits. */
export function general(value: number, digits: number): string {
  if (!Number.isFinite(value)) return String(value).replace("Infinity", "inf");
  const [mantissa = "", power = ""] = evenly(value, digits - 1, (decimals) => value.toExponential(decimals)).split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < digits) return short(fixed(value, digits - 1 - exponent));
  return `${short(mantissa)}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

const MORE = 40; // digits that tell a tie from a number beside it

function evenly(value: number, decimals: number, write: (decimals: number) => string): string {
  const [, kept = "", rest = "", power = ""] = /^(-?\d+\.\d*?)(\d{40})(e.*)?$/.exec(write(decimals + MORE)) ?? [];
  const even = /[02468]\.?$/.test(kept);
  return Math.abs(value) < 1e21 && /^50*$/.test(rest) && even ? kept.replace(/\.$/, "") + power : write(decimals);
}

function short(digits: string): string {
  return digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
}
