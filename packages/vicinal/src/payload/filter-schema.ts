/** Filters as requests write them: the shape of Qdrant's REST API 1.19. What each condition means is in conditions.ts. */
import {
  array,
  boolean,
  createIssue,
  type Infer,
  type Issue,
  lazy,
  named,
  type OpenApiComponents,
  type OpenApiSchema,
  object,
  oneOrMany,
  optional,
  outOfRange,
  refined,
  Schema,
  show,
  string,
  under,
  union,
  unsigned,
} from "../runtime/schema.js";
import { geoBoundingBox, geoPolygon, geoRadius } from "./geo-schema.js";
import { type PointId, pointIdSchema } from "./id.js";
import { bound, int64 } from "./number-schema.js";
import { tryPath } from "./path.js";
import type { Slice } from "./slice.js";

/** A path into payloads. */
export const key = refined(string(), (text) => (tryPath(text) ? undefined : `Invalid json path: '${text}'`));

const anyVariants = named("AnyVariants", union(array(string()), array(int64)));

const match = named(
  "Match",
  union(
    named("MatchValue", object({ value: named("ValueVariants", union(string(), int64, boolean())) })),
    named("MatchAny", object({ any: anyVariants })),
    named("MatchExcept", object({ except: anyVariants })),
    named("MatchText", object({ text: string() })),
    named("MatchTextAny", object({ text_any: string() })),
    named("MatchPhrase", object({ phrase: string() })),
    named("MatchPrefix", object({ prefix: string() })),
  ),
);
export type Match = Infer<typeof match>;

export type Bound = number | bigint | string;

/** Bounds are numbers, or points in time: RFC 3339 and the other forms of datetime.ts. */
export interface Range {
  lt?: Bound | null;
  gt?: Bound | null;
  gte?: Bound | null;
  lte?: Bound | null;
}

const range: Schema<Range> = named(
  "Range",
  refined(
    object({ lt: optional(bound), gt: optional(bound), gte: optional(bound), lte: optional(bound) }),
    (bounds) => {
      const kinds = new Set(
        [bounds.lt, bounds.gt, bounds.gte, bounds.lte]
          .filter((one) => one !== undefined && one !== null)
          .map((one) => typeof one === "string"),
      );
      return kinds.size < 2 ? undefined : "expected bounds of one kind: numbers, or points in time";
    },
  ),
);

const valuesCount = named(
  "ValuesCount",
  object({
    lt: optional(unsigned()),
    gt: optional(unsigned()),
    gte: optional(unsigned()),
    lte: optional(unsigned()),
  }),
);
export type ValuesCount = Infer<typeof valuesCount>;

const fieldTests = {
  match: optional(match),
  range: optional(range),
  values_count: optional(valuesCount),
  is_empty: optional(boolean()),
  is_null: optional(boolean()),
  geo_bounding_box: optional(geoBoundingBox),
  geo_radius: optional(geoRadius),
  geo_polygon: optional(geoPolygon),
};

const fieldCondition = named(
  "FieldCondition",
  refined(object({ key, ...fieldTests }), (condition) => {
    const tests = Object.keys(fieldTests) as (keyof typeof fieldTests)[];
    const found = tests.some((test) => condition[test] !== undefined && condition[test] !== null);
    if (found) return undefined;
    const all = tests.map((test) => `\`${test}\``).join(", ");
    return outOfRange(`At least one field condition must be specified beside \`key\`: ${all}`);
  }),
);
export type FieldCondition = Infer<typeof fieldCondition>;

const payloadField = named("PayloadField", object({ key }));
const isEmptyCondition = named("IsEmptyCondition", object({ is_empty: payloadField }));
export type IsEmptyCondition = Infer<typeof isEmptyCondition>;
const isNullCondition = named("IsNullCondition", object({ is_null: payloadField }));
export type IsNullCondition = Infer<typeof isNullCondition>;
const hasIdCondition = named("HasIdCondition", object({ has_id: array(pointIdSchema) }));
export interface HasIdCondition {
  has_id: PointId[];
}
const hasVectorCondition = named("HasVectorCondition", object({ has_vector: string() }));
export type HasVectorCondition = Infer<typeof hasVectorCondition>;

const U32_MAX = 2 ** 32 - 1;

const slice: Schema<Slice> = named(
  "Slice",
  refined(
    object({ total: unsigned({ max: U32_MAX }), index: unsigned({ max: U32_MAX }) }),
    ({ total, index }) => {
      if (total === 0) return under("total", createIssue("expected an integer from 1, got 0"));
      if (index < total) return undefined;
      return under("index", outOfRange("Slice index must be less than the total number of slices"));
    },
  ),
);
const sliceCondition = named("SliceCondition", object({ slice }));
export type SliceCondition = Infer<typeof sliceCondition>;

export interface NestedCondition {
  nested: { key: string; filter: Filter };
}

export interface MinShould {
  conditions: Condition[];
  min_count: number;
}

export type Condition =
  | FieldCondition
  | IsEmptyCondition
  | IsNullCondition
  | HasIdCondition
  | HasVectorCondition
  | SliceCondition
  | NestedCondition
  | Filter;

/** Which points are meant. All parts that are given must hold; a filter without parts holds for all points. */
export interface Filter {
  /** All of these hold. */
  must?: Condition | Condition[] | null;
  /** At least one of these holds. */
  should?: Condition | Condition[] | null;
  /** None of these holds. */
  must_not?: Condition | Condition[] | null;
  /** At least so many of these hold. */
  min_should?: MinShould | null;
}

/** As deep as JSON bodies may be nested; checking and compiling recurse. */
const DEPTH_MAX = 128;

/** A condition is told by the member that only its kind has; without any it is a filter. */
class ConditionSchema extends Schema<Condition> {
  readonly expected = "a condition";
  readonly #byMember = new Map<string, Schema<unknown>>([
    ["key", fieldCondition],
    ["is_empty", isEmptyCondition],
    ["is_null", isNullCondition],
    ["has_id", hasIdCondition],
    ["has_vector", hasVectorCondition],
    ["slice", sliceCondition],
    ["nested", lazy(() => nestedCondition, "a nested condition")],
  ]);
  readonly #filter = lazy(() => filterSchema, "a filter");
  readonly #parts = ["must", "should", "must_not", "min_should"];
  /** Conditions around the one that is being checked. */
  #depth = 0;

  looksLike(value: unknown): boolean {
    return typeof value === "object" && value !== null && !Array.isArray(value);
  }

  check(value: unknown): Issue | undefined {
    if (this.#depth === DEPTH_MAX) return createIssue(`nested deeper than ${DEPTH_MAX} levels`, "BAD_FILTER");
    this.#depth++;
    try {
      return this.#check(value);
    } finally {
      this.#depth--;
    }
  }

  #check(value: unknown): Issue | undefined {
    if (!this.looksLike(value)) return createIssue(`expected ${this.expected}, got ${show(value)}`);
    const members = Object.keys(value as object);
    for (const [member, schema] of this.#byMember) {
      if (members.includes(member)) return schema.check(value);
    }
    if (members.length === 0 || members.some((member) => this.#parts.includes(member))) {
      return this.#filter.check(value);
    }
    const known = [...this.#byMember.keys(), ...this.#parts].join(", ");
    return createIssue(`expected a condition with one of ${known}, got one with ${members.join(", ")}`);
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    const schemas = [...this.#byMember.values(), this.#filter];
    return { anyOf: schemas.map((schema) => schema.toOpenApi(components)) };
  }
}

export const conditionSchema: Schema<Condition> = named("Condition", new ConditionSchema());
const conditions = optional<Condition | Condition[]>(oneOrMany(conditionSchema));
const conditionList = array(conditionSchema);

export const filterSchema: Schema<Filter> = named(
  "Filter",
  object(
    {
      must: conditions,
      should: conditions,
      must_not: conditions,
      min_should: optional(
        named("MinShould", object({ conditions: conditionList, min_count: unsigned({ min: 1 }) })),
      ),
    },
    { strict: true },
  ),
  { code: "BAD_FILTER" },
);

const nestedCondition: Schema<NestedCondition> = named(
  "NestedCondition",
  object({ nested: named("Nested", object({ key, filter: filterSchema })) }),
);
