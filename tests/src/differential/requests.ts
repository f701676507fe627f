/** Random collections, writes and queries. Few ids and few values, so that they meet. */
import fc from "fast-check";
import type { Filter } from "../../../packages/vicinal/dist/payload/filter.js";
import {
  ids as awkwardIds,
  filters,
  payloads,
} from "../../../packages/vicinal/dist/payload/filter-arbitraries.test.helper.js";
import type { JsonObject } from "../../../packages/vicinal/dist/payload/json.js";
import type { Expression } from "../../../packages/vicinal/dist/query/formula/expression.js";
import { random } from "../kill-workload.js";
import { type Id, type Metric, metrics, type Point, type Vector } from "./model.js";

/** Lengths of the dense vectors, and of those in the multi-vectors. */
export const dimensions = { image: 3, text: 2, patches: 2 } as const;
/** `words` are sparse, `patches` several in one. */
export const vectorNames = ["image", "text", "words", "patches"] as const;
export type VectorName = (typeof vectorNames)[number];
/** Indices of sparse vectors. */
const TERMS = 6;

const ids: fc.Arbitrary<Id> = fc.oneof(
  { weight: 3, arbitrary: fc.nat(9) },
  { weight: 1, arbitrary: fc.constantFrom(...awkwardIds) },
);
const using = fc.constantFrom<VectorName>("image", "image", "text", "words", "patches");

function vectors(name: VectorName): fc.Arbitrary<Vector> {
  return fc.noBias(fc.nat(2 ** 31 - 1)).map((seed) => {
    const next = random(seed);
    const numbers = (size: number) => Array.from({ length: size }, () => Math.fround(2 * next() - 1));
    if (name === "patches")
      return Array.from({ length: 1 + Math.floor(3 * next()) }, () => numbers(dimensions.patches));
    if (name !== "words") return numbers(dimensions[name]);
    const terms = Array.from({ length: TERMS }, (_, term) => term).filter(() => next() < 0.4);
    const indices = terms.length > 0 ? terms : [0];
    return { indices, values: numbers(indices.length) };
  });
}

/** With all of the vectors, or without one. */
const points: fc.Arbitrary<Point> = fc.record({
  id: ids,
  vectors: fc
    .tuple(fc.tuple(...vectorNames.map(vectors)), fc.nat(11))
    .map(([all, missing]) =>
      Object.fromEntries(vectorNames.flatMap((name, i) => (i === missing ? [] : [[name, all[i]]]))),
    ) as fc.Arbitrary<Record<string, Vector>>,
  payload: payloads,
});

/** Points by their ids or by a filter. */
export type Selector = { points: Id[] } | { filter: Filter };
const selectors: fc.Arbitrary<Selector> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ points: fc.uniqueArray(ids, { maxLength: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ filter: filters }) },
);

export type PointWrite =
  | {
      kind: "upsert";
      points: Point[];
      columns: boolean;
      mode?: "upsert" | "insert_only" | "update_only";
      filter?: Filter;
    }
  | { kind: "vectors"; points: Pick<Point, "id" | "vectors">[]; filter?: Filter }
  | { kind: "unvector"; selector: Selector; names: VectorName[] }
  | { kind: "delete"; selector: Selector }
  | { kind: "set" | "overwrite"; selector: Selector; payload: JsonObject }
  | { kind: "drop"; selector: Selector; keys: string[] }
  | { kind: "clear"; selector: Selector };

/** Several as one. */
export type Batch = { kind: "batch"; writes: PointWrite[] };

export type Write =
  | PointWrite
  | Batch
  /** Without waiting for each other. */
  | { kind: "together"; writes: (PointWrite | Batch)[] }
  | { kind: "index"; path: string; type: string }
  | { kind: "reopen" };

const kind = <K extends string>(name: K) => fc.constant(name);
const paths = fc.constantFrom("a", "b", "b.a", "a[]");
const condition = fc.option(filters, { nil: undefined, freq: 2 });

const pointWrites: fc.Arbitrary<PointWrite> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: kind("upsert"),
      points: fc.array(points, { minLength: 1, maxLength: 8 }),
      columns: fc.boolean(),
      mode: fc.constantFrom(undefined, undefined, "upsert", "insert_only", "update_only"),
      filter: condition,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: kind("vectors"),
      points: fc
        .array(points, { minLength: 1, maxLength: 2 })
        .map((given) => given.map(({ id, vectors }) => ({ id, vectors }))),
      filter: condition,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: kind("unvector"),
      selector: selectors,
      names: fc.subarray<VectorName>(["image", "text"], { minLength: 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind("delete"), selector: selectors }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("set" as const, "overwrite" as const),
      selector: selectors,
      payload: payloads,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: kind("drop"),
      selector: selectors,
      keys: fc.subarray(["a", "b", "c"], { minLength: 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind("clear"), selector: selectors }) },
);

const batches: fc.Arbitrary<Batch> = fc.record({
  kind: kind("batch"),
  writes: fc.array(pointWrites, { minLength: 2, maxLength: 5 }),
});

const writes: fc.Arbitrary<Write> = fc.oneof(
  { weight: 12, arbitrary: pointWrites },
  { weight: 2, arbitrary: batches },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: kind("together"),
      writes: fc.array(fc.oneof({ weight: 3, arbitrary: pointWrites }, { weight: 1, arbitrary: batches }), {
        minLength: 2,
        maxLength: 5,
      }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: kind("index"),
      path: paths,
      type: fc.constantFrom("keyword", "integer", "float", "bool", "geo", "datetime"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind("reopen") }) },
);

export type Example = Id | Vector;

/** What points are ranked by; the examples are all of one length. */
export type Rank =
  | { kind: "nearest"; query: Example }
  | { kind: "average" | "best" | "sum"; positive: Example[]; negative: Example[] }
  | { kind: "discover"; target: Example; pairs: [Example, Example][] }
  | { kind: "feedback"; target: Example; judged: [Example, number][]; a: number; b: number; c: number }
  | { kind: "context"; pairs: [Example, Example][] };
export type Ask =
  | { kind: "scroll" }
  | { kind: "count" }
  | { kind: "facet"; path: string }
  | { kind: "order"; path: string; direction: "asc" | "desc" }
  | { kind: "groups"; path: string; size: number; rank: Rank }
  | Merge
  | Rank;

/** A query before another. */
export interface Source {
  rank: Rank;
  using: VectorName;
  filter: Filter | undefined;
  limit: number;
}

/** What several queries found, in one ranking. */
export interface Merge {
  kind: "merge";
  sources: Source[];
  how:
    | { rrf: { k: number; weights?: number[] } }
    | { fusion: "dbsf" }
    | { formula: Expression; defaults: JsonObject };
}

export interface Query {
  ask: Ask;
  using: VectorName;
  filter: Filter | undefined;
  limit: number;
  offset: number;
}

function ranksBy(name: VectorName): fc.Arbitrary<Rank> {
  const example: fc.Arbitrary<Example> = fc.oneof(ids, vectors(name));
  const some = (minLength: number) => fc.array(example, { minLength, maxLength: 3 });
  const pairs = fc.array(fc.tuple(example, example), { minLength: 1, maxLength: 2 });
  const weight = fc.constantFrom(-1, 0, 0.25, 0.5, 1, 2);
  return fc.oneof(
    { weight: 2, arbitrary: fc.record({ kind: kind("nearest"), query: example }) },
    fc.record({
      // Of sparse vectors, what an average has of terms that cancel each other hangs on rounding.
      kind: fc.constantFrom(name === "words" ? "sum" : "average", "best" as const, "sum" as const),
      positive: some(1),
      negative: some(0),
    }),
    fc.record({ kind: kind("discover"), target: example, pairs }),
    fc.record({ kind: kind("context"), pairs }),
    fc.record({
      kind: kind("feedback"),
      target: example,
      judged: fc.array(fc.tuple(example, weight), { minLength: 1, maxLength: 3 }),
      a: weight,
      b: fc.constantFrom(0, 0.5, 1, 2),
      c: weight,
    }),
  );
}

const decay = (name: string) => ({ [name]: { x: "a", scale: 2 } }) as unknown as Expression;
const origin = { lon: 13.4, lat: 52.5 };

/** Fields as numbers, as points in time, as places; and what they are where a payload has nothing there. */
const fieldTerms: { terms: Expression[]; defaults: JsonObject }[] = [
  {
    terms: [
      "a",
      "b.a",
      "a[0]",
      { abs: "b" },
      { sqrt: "a" },
      decay("exp_decay"),
      decay("gauss_decay"),
      decay("lin_decay"),
    ],
    defaults: { a: 1, b: -3, "a[0]": 5, "b.a": 2 },
  },
  { terms: [{ datetime_key: "a" }, { datetime_key: "b[].a" }], defaults: { a: "2020-01-01" } },
  {
    terms: [{ geo_distance: { origin, to: "a" } }, { geo_distance: { origin, to: "b" } }],
    defaults: { a: { lon: 0, lat: 1 }, b: { lon: -10, lat: 0 } },
  },
];

/** Sums of scores and of what payloads say: no operation that would make much of the last digits of a score. */
const formulas = fc.constantFrom(...fieldTerms).chain(({ terms, defaults }) =>
  fc
    .record({
      weights: fc.array(fc.constantFrom(-1, 0, 0.5, 2), { maxLength: 3 }),
      ofPayload: fc.array(fc.oneof(fc.constantFrom(...terms), filters as fc.Arbitrary<Expression>), {
        maxLength: 3,
      }),
      scoreDefaults: fc.record({ "$score[1]": fc.constant(0.5) }, { requiredKeys: [] }),
      known: fc.constantFrom(defaults, defaults, {}),
    })
    .map(({ weights, ofPayload, scoreDefaults, known }) => ({
      formula: { sum: [...weights.map((weight, i) => ({ mult: [weight, `$score[${i}]`] })), ...ofPayload] },
      defaults: { ...scoreDefaults, ...known },
    })),
);

const sources: fc.Arbitrary<Source> = using.chain((name) =>
  fc.record({
    rank: ranksBy(name),
    using: fc.constant(name),
    filter: fc.option(filters, { nil: undefined, freq: 2 }),
    limit: fc.integer({ min: 1, max: 20 }),
  }),
);

const merges: fc.Arbitrary<Merge> = fc
  .array(sources, { minLength: 1, maxLength: 3, size: "max" })
  .chain((before) =>
    fc.record({
      kind: kind("merge"),
      sources: fc.constant(before),
      how: fc.oneof(
        fc.record({
          rrf: fc.record(
            {
              k: fc.integer({ min: 1, max: 60 }),
              weights: fc.array(fc.nat(4), { minLength: before.length, maxLength: before.length }),
            },
            { requiredKeys: ["k"] },
          ),
        }),
        fc.constant({ fusion: "dbsf" as const }),
        { weight: 2, arbitrary: formulas },
      ),
    }),
  );

function asks(name: VectorName): fc.Arbitrary<Ask> {
  const ranks = ranksBy(name);
  return fc.oneof(
    { weight: 6, arbitrary: ranks },
    { weight: 3, arbitrary: merges },
    fc.record({ kind: kind("scroll") }),
    fc.record({ kind: kind("count") }),
    fc.record({ kind: kind("facet"), path: paths }),
    fc.record({
      kind: kind("order"),
      path: paths,
      direction: fc.constantFrom("asc" as const, "desc" as const),
    }),
    fc.record({ kind: kind("groups"), path: paths, size: fc.integer({ min: 1, max: 3 }), rank: ranks }),
  );
}

const queries: fc.Arbitrary<Query> = using.chain((name) =>
  fc.record({
    ask: asks(name),
    using: fc.constant(name),
    filter: fc.option(filters, { nil: undefined }),
    limit: fc.integer({ min: 1, max: 12 }),
    offset: fc.constantFrom(0, 0, 1, 3),
  }),
);

export interface Story {
  metric: Metric;
  steps: { writes: Write[]; queries: Query[] }[];
}

const steps = fc.record({
  writes: fc.array(writes, { minLength: 1, maxLength: 4, size: "max" }),
  queries: fc.array(queries, { minLength: 1, maxLength: 12, size: "max" }),
});

/** Writes and queries in turn, from a few points on. */
export const stories: fc.Arbitrary<Story> = fc
  .record({
    metric: fc.constantFrom(...metrics),
    first: fc.array(points, { minLength: 1, maxLength: 40, size: "max" }),
    steps: fc.array(steps, { minLength: 1, maxLength: 4, size: "max" }),
  })
  .map(({ metric, first, steps: [step, ...rest] }) => {
    const writes: Write[] = [{ kind: "upsert", points: first, columns: false }, ...step.writes];
    return { metric, steps: [{ ...step, writes }, ...rest] };
  });
