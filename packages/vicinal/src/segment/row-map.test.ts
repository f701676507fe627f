import * as fc from "fast-check";
import { expect, test } from "vitest";
import { bitWords, hasBit, setBit } from "../runtime/bits.js";
import { RowMap } from "./row-map.js";

/** The map as it is read back from its sections. */
function readBack(map: RowMap, ordinals: number): RowMap {
  const [section] = map.sections();
  const restored = new RowMap();
  const rows = new Uint32Array((section?.bytes ?? new Uint8Array(0)).buffer as ArrayBuffer);
  expect(restored.restore(map.rows, ordinals, rows)).toBe(true);
  return restored;
}

const lengths = fc.oneof(
  fc.array(fc.constant(1), { maxLength: 40 }),
  fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 40 }),
  fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 40 }),
);

test("rows find their ordinals and ordinals their rows, before and after a round trip", () => {
  fc.assert(
    fc.property(lengths, fc.nat(), (counts, seed) => {
      const map = new RowMap();
      const rowOf: number[] = [];
      counts.forEach((count, row) => {
        map.append(count);
        for (let i = 0; i < count; i++) rowOf.push(row);
      });
      const bits = new Uint32Array(bitWords(counts.length));
      for (let row = 0; row < counts.length; row++) if ((seed >>> (row % 31)) & 1) setBit(bits, row);
      for (const one of [map, readBack(map, rowOf.length)]) {
        expect(one.rows).toBe(counts.length);
        expect(rowOf.map((_, ordinal) => one.row(ordinal))).toEqual(rowOf);
        counts.forEach((count, row) => {
          expect(one.count(row)).toBe(count);
          if (count > 0) expect(one.first(row)).toBe(rowOf.indexOf(row));
        });
        const ordinals = one.ordinalBits(bits);
        rowOf.forEach((row, ordinal) => {
          expect(hasBit(ordinals, ordinal)).toBe(hasBit(bits, row));
        });
      }
    }),
    { seed: 2, numRuns: 200 },
  );
});

test("a segment where no row has a vector is not one where every row has", () => {
  const map = new RowMap();
  map.append(0);
  expect(readBack(map, 0).count(0)).toBe(0);
});

test("a saved map that does not rise, or does not fit the rows, is refused", () => {
  const refused = (...rows: number[]) => new RowMap().restore(3, rows.length, Uint32Array.from(rows));
  expect([refused(1, 0), refused(0, 3), refused(0, 2)]).toEqual([false, false, true]);
  expect(new RowMap().restore(3, 2, new Uint32Array(0))).toBe(false);
});
