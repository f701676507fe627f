import { expect, test } from "vitest";
import { ofHalf } from "./half.js";
import { pack, unpack, type Width, widthOf } from "./packed-floats.js";
import { seededRandom } from "./random.js";

const random = seededRandom(1);
const cases: [string, Width, Float32Array][] = [
  ["bytes", 1, Float32Array.from({ length: 256 }, (_, i) => i)],
  ["bytes and a negative zero", 2, Float32Array.of(1, 2, -0)],
  ["bytes and 256", 2, Float32Array.of(1, 256, 3)],
  ["every half", 2, Float32Array.from({ length: 65536 }, (_, half) => ofHalf(half)).filter(Number.isFinite)],
  ["a number between halves", 4, Float32Array.of(1, 2049)],
  ["a number beyond halves", 4, Float32Array.of(1, 65536)],
  ["any numbers", 4, Float32Array.from({ length: 100 }, () => random() - 0.5)],
  ["a half after which none is", 4, Float32Array.of(0.5, 7, 0.1)],
];

test.each(cases)("%s take %i bytes each and come back as they were", (_name, width, data) => {
  expect(widthOf(data)).toBe(width);
  for (const wider of [1, 2, 4] as const) {
    if (wider < width) continue;
    const packed = pack(data, wider);
    expect(packed.length).toBe(data.length * wider);
    const back = new Float32Array(data.length);
    // Bytes of a record or a file begin anywhere.
    const moved = new Uint8Array(packed.length + 3);
    moved.set(packed, 3);
    unpack(moved.subarray(3), wider, back);
    expect(back.every((x, i) => Object.is(x, data[i]))).toBe(true);
  }
});
