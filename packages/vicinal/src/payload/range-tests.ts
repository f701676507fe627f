/** What `range` means: on numbers, exactly, and on points in time. */
import { parseDatetime } from "./datetime.js";
import { DatetimeColumn } from "./datetime-column.js";
import type { NumberRange } from "./exact-numbers.js";
import { type FieldTest, guess, itemTest, stringsOfColumn, unionOf } from "./field-test.js";
import type { Range } from "./filter-schema.js";
import type { JsonValue } from "./json.js";
import { NumberColumn } from "./number-column.js";

/** Bounds of which one is a string are points in time, as in Qdrant; all others are numbers. */
export function rangeTest(range: Range): FieldTest {
  const bounds = Object.entries(range).filter(([, bound]) => typeof bound === "string");
  if (bounds.length === 0) return numberTest(range as NumberRange);
  return datetimeTest(
    Object.fromEntries(bounds.map(([end, bound]) => [end, parseDatetime(bound as string)])),
  );
}

function numberTest(range: NumberRange): FieldTest {
  const within = isWithin(range);
  const holds = (item: JsonValue): boolean =>
    (typeof item === "number" || typeof item === "bigint") && within(item);
  return itemTest(holds, {
    mark(column, bits) {
      if (column instanceof NumberColumn) column.markRange(range, bits);
      return "others open";
    },
    estimate: (column) =>
      column instanceof NumberColumn ? guess(column, column.estimateRange(range)) : unionOf([]),
  });
}

function datetimeTest(range: NumberRange): FieldTest {
  const within = isWithin(range);
  const holds = (text: string): boolean => {
    const micros = parseDatetime(text);
    return micros !== undefined && within(micros);
  };
  const onStrings = stringsOfColumn(holds);
  return itemTest((item) => typeof item === "string" && holds(item), {
    mark(column, bits) {
      if (!(column instanceof DatetimeColumn)) return onStrings.mark(column, bits);
      column.markRange(range, bits);
      // Its kind is every string that is a point in time.
      return "decided";
    },
    estimate: (column) =>
      column instanceof DatetimeColumn
        ? guess(column, column.estimateRange(range))
        : onStrings.estimate(column),
  });
}

function isWithin(range: NumberRange): (value: number | bigint) => boolean {
  const gt = range.gt ?? -Infinity;
  const gte = range.gte ?? -Infinity;
  const lt = range.lt ?? Infinity;
  const lte = range.lte ?? Infinity;
  // Mixed comparisons of number and bigint are exact.
  return (value) => value > gt && value >= gte && value < lt && value <= lte;
}
