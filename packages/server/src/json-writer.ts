/**
 * Writes a JSON answer into one growing buffer. Stored payloads are copied in as the bytes they are, `bigint` becomes
 * an integer literal, float32 numbers are printed in their shortest form.
 */
import { RawJson, stringifyJson } from "vicinal/protocol";
import { shortestFloat32 } from "./float32.js";

const initialBytes = 4096;
/** Bytes that one UTF-16 unit takes at most in UTF-8. */
const bytesPerUnitMax = 3;

export class JsonWriter {
  private buffer = Buffer.allocUnsafe(initialBytes);
  private length = 0;

  /** The bytes written. The writer is not used afterwards. */
  finish(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  /** Appends JSON text as it is. */
  text(text: string): this {
    this.reserve(text.length * bytesPerUnitMax);
    this.length += this.buffer.write(text, this.length, "utf8");
    return this;
  }

  bytes(bytes: Uint8Array): this {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  float32(value: number): this {
    return this.text(String(shortestFloat32(value)));
  }

  vector(values: ArrayLike<number>): this {
    let text = "[";
    for (let i = 0; i < values.length; i++) {
      if (i > 0) text += ",";
      text += shortestFloat32(values[i]);
    }
    return this.text(`${text}]`);
  }

  /** Any JSON value; `undefined` fields are left out. */
  value(value: unknown): this {
    if (value instanceof RawJson) return this.bytes(value.bytes);
    if (value instanceof Float32Array) return this.vector(value);
    if (Array.isArray(value)) return this.array(value, (item) => this.value(item ?? null));
    if (typeof value !== "object" || value === null) return this.text(stringifyJson(value));
    let separator = "{";
    for (const [key, field] of Object.entries(value)) {
      if (field === undefined) continue;
      this.text(`${separator}${stringifyJson(key)}:`).value(field);
      separator = ",";
    }
    return this.text(separator === "{" ? "{}" : "}");
  }

  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.text("[");
    for (let i = 0; i < items.length; i++) {
      if (i > 0) this.text(",");
      write(items[i]);
    }
    return this.text("]");
  }

  private reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }
}
