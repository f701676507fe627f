import fc from "fast-check";
import { expect, test } from "vitest";
import { ExpiryColumn } from "./expiry.js";

test("rows are taken in the order of their times, however they came, saved or not", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), fc.boolean(), (times, saved) => {
      let column = new ExpiryColumn();
      // 0 is for ever.
      times.forEach((time, row) => {
        if (time > 0) column.set(row, time);
      });
      if (saved) column = ExpiryColumn.load(column.times(times.length));
      expect(times.map((_, row) => column.of(row) ?? 0)).toEqual(times);
      const taken: number[] = [];
      while (column.next < Number.POSITIVE_INFINITY) {
        const { next } = column;
        const row = column.take();
        expect(times[row]).toBe(next);
        taken.push(row);
      }
      expect(new Set(taken).size).toBe(taken.length);
      expect(taken.map((row) => times[row])).toEqual(times.filter((time) => time > 0).sort((a, b) => a - b));
    }),
  );
});
