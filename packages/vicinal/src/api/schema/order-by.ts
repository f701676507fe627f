/** Ordering points by a field. */
import { bound } from "../../payload/number-schema.js";
import { choice, type Infer, named, object, optional, string, union } from "../../runtime/schema.js";

export const orderByInterface = named(
  "OrderByInterface",
  union(
    string(),
    named(
      "OrderBy",
      object({
        key: string().describe("A field with an index of type integer, float or datetime."),
        direction: optional(choice("asc", "desc")).describe("Default asc."),
        start_from: optional(bound).describe(
          "The first value to return, in the direction of the order; for a datetime also as text.",
        ),
      }),
    ),
  ),
);
export type OrderByInterface = Infer<typeof orderByInterface>;
