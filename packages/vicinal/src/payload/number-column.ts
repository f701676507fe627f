/** NumberColumn: the numbers of a payload: integers of 64 bits, or any numbers. */
import { EXACT_MAX, INT64_MAX, INT64_MIN } from "./exact-numbers.js";
import type { JsonValue } from "./json.js";
import { NumericColumn } from "./numeric-column.js";
import type { JsonPath } from "./path.js";

export class NumberColumn extends NumericColumn {
  readonly kind: "integer" | "float";

  constructor(kind: "integer" | "float", path: JsonPath) {
    super(path, kind === "integer");
    this.kind = kind;
  }

  /** Whether no row can hold one of the values without the column knowing it. */
  holdsAll(values: readonly (number | bigint)[]): boolean {
    // An integer column leaves doubles beyond 2^53 to the payload, and both kinds integers beyond their range.
    if (this.kind === "integer") return values.every((value) => Number.isSafeInteger(Number(value)));
    return values.every((value) => value >= -EXACT_MAX && value <= EXACT_MAX);
  }

  protected override read(value: JsonValue): number | bigint | undefined {
    if (typeof value === "number")
      return this.kind === "float" || Number.isSafeInteger(value) ? value : undefined;
    if (typeof value !== "bigint") return undefined;
    const [low, high] = this.kind === "integer" ? [INT64_MIN, INT64_MAX] : [-EXACT_MAX, EXACT_MAX];
    return value >= low && value <= high ? value : undefined;
  }
}
