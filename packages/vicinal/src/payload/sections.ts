/**
 * How this room hands its data to files: named runs of bytes and a small JSON-able description. The container file
 * (blocks, checksums) is storage's; what is inside is drawn where it is written. Byte order is little-endian.
 */
import { VicinalError } from "../runtime/errors.js";

export interface SavedSections {
  meta: Record<string, unknown>;
  /** Bytes, or chunks of them that are asked for one after the other. `floats`: as storage's NamedSection says. */
  sections: { name: string; bytes: Uint8Array | Iterable<Uint8Array>; floats?: boolean }[];
}

/** What can be read back: an opened file of sections. */
export interface SectionSource {
  readonly meta: Record<string, unknown>;
  /** Length in bytes; 0 when absent. */
  length(name: string): number;
  /** `length` bytes from `offset` of the section, checksums verified, into bytes of its own. */
  read(name: string, offset: number, length: number): Promise<Uint8Array>;
  /** Fills `target` at once, checksums verified; absent where only promises read. */
  readNow?(name: string, offset: number, target: Uint8Array): void;
}

type NumberArray = Uint8Array | Int16Array | Uint32Array | Float64Array;

/** The bytes of the first `count` numbers as they lie. */
export function bytesOf(numbers: NumberArray, count: number): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, count * numbers.BYTES_PER_ELEMENT);
}

/** Reads a section of numbers, or `part` of it; it must hold exactly `count` of them. */
export async function readNumbers<T extends NumberArray>(
  source: SectionSource,
  name: string,
  type: { new (buffer: ArrayBuffer): T; BYTES_PER_ELEMENT: number },
  count: number,
  part = { first: 0, length: count },
): Promise<T> {
  const { BYTES_PER_ELEMENT: size } = type;
  expectLength(name, count * size, source.length(name));
  const bytes = await source.read(name, part.first * size, part.length * size);
  // A copy where the bytes do not lie in a buffer of their own, since numbers must be aligned.
  const own = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
  return new type(own.buffer as ArrayBuffer);
}

export function expectLength(name: string, expected: number, actual: number): void {
  if (actual !== expected) throw malformed(name, `expected ${expected} bytes, found ${actual}`);
}

/** A section passed its checksum but does not say what it must. */
export function malformed(name: string, what: string): VicinalError {
  return new VicinalError("CORRUPTION", `Section ${name}: ${what}`, { section: name });
}

/** A number of the description. */
export function metaNumber(source: SectionSource, name: string): number {
  const value = source.meta[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw malformed("meta", `${name} is ${String(value)}`);
  }
  return value;
}
