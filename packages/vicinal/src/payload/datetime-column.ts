/**
 * DatetimeColumn: strings that are points in time (see datetime.ts), as microseconds since 1970. What the string was
 * is not kept: conditions on the text itself look at the payload.
 */
import { parseDatetime } from "./datetime.js";
import type { JsonValue } from "./json.js";
import { NumericColumn } from "./numeric-column.js";
import type { JsonPath } from "./path.js";

export class DatetimeColumn extends NumericColumn {
  readonly kind = "datetime";
  override readonly readsStrings = true;

  constructor(path: JsonPath) {
    super(path, true);
  }

  protected override read(value: JsonValue): number | bigint | undefined {
    return typeof value === "string" ? parseDatetime(value) : undefined;
  }
}
