/** Indexes over payload fields. */
import {
  anyObject,
  boolean,
  choice,
  type Infer,
  named,
  object,
  optional,
  string,
  union,
  unsigned,
  unsupported,
} from "../../runtime/schema.js";
import { memoryPlacement } from "./common.js";

const laterTypes = ["geo", "text", "datetime", "uuid"] as const;
const laterSays = "indexes of this type are";

export const payloadSchemaType = named(
  "PayloadSchemaType",
  union(choice("keyword", "integer", "float", "bool"), unsupported(choice(...laterTypes), laterSays)),
);
export type PayloadSchemaType = Infer<typeof payloadSchemaType>;

const placement = {
  on_disk: optional(boolean()),
  memory: optional(memoryPlacement),
  enable_hnsw: optional(boolean()),
};

export const payloadSchemaParams = named(
  "PayloadSchemaParams",
  union(
    object({
      type: choice("keyword"),
      is_tenant: optional(boolean()),
      prefix: optional(unsupported(boolean())),
      ...placement,
    }),
    object({
      type: choice("integer"),
      lookup: optional(boolean()),
      range: optional(boolean()),
      is_principal: optional(boolean()),
      ...placement,
    }),
    object({ type: choice("float"), is_principal: optional(boolean()), ...placement }),
    object({ type: choice("bool"), ...placement }),
    object({ type: unsupported(choice(...laterTypes), laterSays) }),
  ),
);
export type PayloadSchemaParams = Infer<typeof payloadSchemaParams>;

export const createFieldIndex = named(
  "CreateFieldIndex",
  object({
    field_name: string({ minLength: 1 }).describe("Path of the field, such as `city` or `author.name`."),
    field_schema: optional(named("PayloadFieldSchema", union(payloadSchemaType, payloadSchemaParams))),
  }),
);
export type CreateFieldIndex = Infer<typeof createFieldIndex>;

export const payloadIndexInfo = named(
  "PayloadIndexInfo",
  object({ data_type: payloadSchemaType, params: optional(anyObject()), points: unsigned() }),
);
export type PayloadIndexInfo = Infer<typeof payloadIndexInfo>;
