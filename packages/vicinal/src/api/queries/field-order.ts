/** `order_by` of a request as the order of an indexed field. */
import { parseDatetime } from "../../payload/datetime.js";
import { parsePath } from "../../payload/path.js";
import type { FieldOrder, OrderValue } from "../../query/order.js";
import { VicinalError } from "../../runtime/errors.js";
import type { CollectionState } from "../../segment/state.js";
import type { OrderByInterface } from "../schema/index.js";

const ORDERED_TYPES: readonly string[] = ["integer", "float", "datetime"];

/**
 * @param at Where it stands in the request, for messages.
 * @throws BAD_REQUEST when the field has no index that knows an order, or `start_from` is not of its type.
 */
export function fieldOrder(
  { config: { fields } }: CollectionState,
  given: OrderByInterface,
  at: string,
): FieldOrder {
  const { key, direction, start_from: startFrom } = typeof given === "string" ? { key: given } : given;
  const path = parsePath(key, typeof given === "string" ? at : `${at}.key`).text;
  const schema = Object.hasOwn(fields, path) ? fields[path] : undefined;
  if (!schema || !ORDERED_TYPES.includes(schema.type))
    throw new VicinalError(
      "BAD_REQUEST",
      `Bad request: ${at}: \`${path}\` has no index to order by; create one of type integer, float or datetime`,
      { field: at, path },
    );
  const start =
    startFrom === undefined || startFrom === null
      ? undefined
      : startValue(startFrom, schema.type, `${at}.start_from`);
  return { path, schema, descending: direction === "desc", startFrom: start };
}

/** Numbers for a datetime field are microseconds since 1970, as `order_value` tells them. */
function startValue(given: number | bigint | string, type: string, at: string): OrderValue {
  if (typeof given !== "string") return given;
  const time = type === "datetime" ? parseDatetime(given) : undefined;
  if (time !== undefined) return time;
  throw new VicinalError("BAD_REQUEST", `${at}: expected a number for a field of type ${type}`, {
    field: at,
  });
}
