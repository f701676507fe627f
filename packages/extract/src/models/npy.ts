/** NumPy's format for one array (`.npy`, versions 1 to 3): numbers of up to two axes, and lists of strings. */
import { ExtractError } from "../errors.js";

/** What an array holds, rows first. */
export type NpyArray = { shape: readonly number[] } & ({ numbers: Float32Array } | { texts: string[] });

/** @param name for messages @throws ExtractError MODEL_DAMAGED */
export function readNpy(name: string, bytes: Uint8Array): NpyArray {
  const damaged = (why: string) => new ExtractError("MODEL_DAMAGED", `${name}: ${why}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = String.fromCharCode(...bytes.subarray(0, 6));
  if (bytes.length < 12 || mark !== "\x93NUMPY") throw damaged("does not begin as an npy file");
  const isWide = bytes[6] >= 2;
  const begin = isWide ? 12 : 10;
  const end = begin + (isWide ? view.getUint32(8, true) : view.getUint16(8, true));
  if (end > bytes.length) throw damaged("ends in its header");
  const header = new TextDecoder().decode(bytes.subarray(begin, end));
  const type = /'descr':\s*'([^']*)'/.exec(header)?.[1] ?? "unknown";
  const [, order, kind, width] = /^([<>|=])([fUS])(\d+)$/.exec(type) ?? [];
  const read = readers[`${kind}${kind === "f" ? width : ""}`];
  if (!read)
    throw damaged(`has values of type ${type}; read are floats (f2, f4, f8) and strings of one width (U, S)`);
  if (/'fortran_order':\s*True/.test(header)) throw damaged("has its columns first");
  const shape = (/'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? "")
    .split(",")
    .filter((axis) => axis.trim() !== "")
    .map(Number);
  const count = shape.reduce((product, size) => product * size, 1);
  const size = Number(width) * (kind === "U" ? 4 : 1);
  if (bytes.length - end < count * size)
    throw damaged(`ends after ${bytes.length - end} bytes of ${count} values of ${size} bytes`);
  const isLittle = order !== ">";
  const values = (at: number) => read(view, end + at * size, Number(width), isLittle);
  if (kind !== "f") return { shape, texts: Array.from({ length: count }, (_, i) => String(values(i))) };
  const numbers = new Float32Array(count);
  for (let i = 0; i < count; i++) numbers[i] = Number(values(i));
  return { shape, numbers };
}

type Reader = (view: DataView, at: number, width: number, isLittle: boolean) => number | string;

const readers: Readonly<Record<string, Reader>> = {
  f2: (view, at, _, isLittle) => half(view.getUint16(at, isLittle)),
  f4: (view, at, _, isLittle) => view.getFloat32(at, isLittle),
  f8: (view, at, _, isLittle) => view.getFloat64(at, isLittle),
  U: (view, at, width, isLittle) =>
    text(
      width,
      (i) => view.getUint32(at + 4 * i, isLittle),
      (points) => String.fromCodePoint(...points),
    ),
  S: (view, at, width) =>
    text(
      width,
      (i) => view.getUint8(at + i),
      (found) => new TextDecoder().decode(Uint8Array.from(found)),
    ),
};

/** Up to the first zero: shorter strings are filled up. */
function text(width: number, unit: (i: number) => number, decode: (units: number[]) => string): string {
  const units: number[] = [];
  for (let i = 0; i < width && unit(i) !== 0; i++) units.push(unit(i));
  return decode(units);
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}
