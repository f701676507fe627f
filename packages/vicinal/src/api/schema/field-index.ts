/** Indexes over payload fields. */

import { tryPath } from "../../payload/path.js";
import {
  anyObject,
  boolean,
  choice,
  createIssue,
  type Infer,
  named,
  object,
  optional,
  outOfRange,
  refined,
  string,
  tagged,
  under,
  union,
  unsigned,
} from "../../runtime/schema.js";
import { analyzerFields } from "../../text/index.js";
import { memoryPlacement } from "./common.js";

export const payloadSchemaType = named(
  "PayloadSchemaType",
  choice("keyword", "integer", "float", "geo", "text", "bool", "datetime", "uuid"),
);
export type PayloadSchemaType = Infer<typeof payloadSchemaType>;

/** Where an index lies and whether graphs heed it: kept and shown; columns are always in memory. */
const placement = {
  on_disk: optional(boolean()),
  memory: optional(memoryPlacement),
  enable_hnsw: optional(boolean()),
};

const integerParams = refined(
  object({
    type: choice("integer"),
    lookup: optional(boolean()),
    range: optional(boolean()),
    is_principal: optional(boolean()),
    ...placement,
  }),
  ({ lookup, range }) =>
    lookup === false && range === false
      ? under(
          "lookup",
          outOfRange("Validation error: the 'lookup' and 'range' capabilities can't be both disabled"),
        )
      : undefined,
);

const textParams = refined(
  object({
    type: choice("text"),
    ...analyzerFields,
    phrase_matching: optional(boolean()),
    ...placement,
  }),
  ({ min_token_len: least, max_token_len: most }) =>
    typeof least === "number" && typeof most === "number" && least > most
      ? under("min_token_len", outOfRange(`value ${least} invalid, must not exceed max_token_len, ${most}`))
      : undefined,
);

const tenant = { is_tenant: optional(boolean()) };
const principal = { is_principal: optional(boolean()) };

export const payloadSchemaParams = named(
  "PayloadSchemaParams",
  tagged("type", {
    keyword: named(
      "KeywordIndexParams",
      object({ type: choice("keyword"), ...tenant, prefix: optional(boolean()), ...placement }),
    ),
    integer: named("IntegerIndexParams", integerParams),
    float: named("FloatIndexParams", object({ type: choice("float"), ...principal, ...placement })),
    geo: named("GeoIndexParams", object({ type: choice("geo"), ...placement })),
    text: named("TextIndexParams", textParams),
    bool: named("BoolIndexParams", object({ type: choice("bool"), ...placement })),
    datetime: named("DatetimeIndexParams", object({ type: choice("datetime"), ...principal, ...placement })),
    uuid: named("UuidIndexParams", object({ type: choice("uuid"), ...tenant, ...placement })),
  }),
);
export type PayloadSchemaParams = Infer<typeof payloadSchemaParams>;

const fieldName = refined(string({ minLength: 1 }), (text) =>
  tryPath(text) ? undefined : createIssue(`Invalid json path: '${text}'`),
).describe("Path of the field, such as `city` or `author.name`.");

export const createFieldIndex = named(
  "CreateFieldIndex",
  object({
    field_name: fieldName,
    field_schema: optional(named("PayloadFieldSchema", union(payloadSchemaType, payloadSchemaParams))),
  }),
);
export type CreateFieldIndex = Infer<typeof createFieldIndex>;

export const payloadIndexInfo = named(
  "PayloadIndexInfo",
  object({ data_type: payloadSchemaType, params: optional(anyObject()), points: unsigned() }),
);
export type PayloadIndexInfo = Infer<typeof payloadIndexInfo>;
