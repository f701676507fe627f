/**
 * Packed floats: float32 numbers in 1 or 2 bytes each where that loses nothing, as of vectors that were rounded to
 * `uint8` or `float16` when they were written.
 *
 *   width 1   u8: whole numbers from 0 to 255
 *   width 2   IEEE 754 binary16: numbers that are half floats
 *   width 4   f32: all others
 */
import { halfOf, ofHalf } from "./half.js";

export type Width = 1 | 2 | 4;

/** The fewest bytes that hold each number exactly. Ends at the first that needs 4, which is soon for most vectors. */
export function widthOf(data: Float32Array): Width {
  let width: Width = 1;
  for (let i = 0; i < data.length; i++) {
    const x = data[i];
    if (width === 1 && ((x & 255) !== x || Object.is(x, -0))) width = 2;
    if (width === 2 && ofHalf(halfOf(x)) !== x) return 4;
  }
  return width;
}

/** The bytes of the numbers at a width that holds them; a view where it is 4. */
export function pack(data: Float32Array, width: Width): Uint8Array {
  if (width === 4) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (width === 1) return Uint8Array.from(data);
  return new Uint8Array(Uint16Array.from(data, halfOf).buffer);
}

/** Puts the numbers of packed bytes into the target. */
export function unpack(bytes: Uint8Array, width: Width, target: Float32Array): void {
  if (width === 1) target.set(bytes);
  else if (width === 2)
    for (let i = 0; i < target.length; i++) target[i] = ofHalf(bytes[2 * i] | (bytes[2 * i + 1] << 8));
  else new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(bytes);
}
