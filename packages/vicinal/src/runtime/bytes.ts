/** Growable little-endian writer and checked reader, for records and small columns. */
import { corruption } from "./errors.js";

const text = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  #reserve(bytes: number): number {
    const at = this.#length;
    const needed = at + bytes;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = needed;
    return at;
  }

  u8(value: number): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
  }
  u16(value: number): void {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
  }
  u32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }
  f32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setFloat32(at, value, true);
  }
  f64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value, true);
  }
  bytes(value: Uint8Array): void {
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
  }
  /** u32 length, then the bytes. */
  sized(value: Uint8Array): void {
    this.u32(value.length);
    this.bytes(value);
  }
  /** u32 length, then UTF-8. */
  string(value: string): void {
    this.sized(text.encode(value));
  }
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

/** Reads what ByteWriter wrote; reading past the end is a CORRUPTION that names the source. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #source: string;
  #at = 0;

  constructor(bytes: Uint8Array, source: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#source = source;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#bytes.length)
      throw corruption(
        this.#source,
        at,
        `${bytes} bytes`,
        `${this.#bytes.length - at} bytes`,
        "record ends early",
      );
    this.#at = at + bytes;
    return at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)];
  }
  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }
  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }
  f32(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }
  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }
  /** A view into the source; copy it to keep it. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }
  sized(): Uint8Array {
    return this.bytes(this.u32());
  }
  string(): string {
    return decoder.decode(this.sized());
  }
}
