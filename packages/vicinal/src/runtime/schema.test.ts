import * as fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { VicinalError } from "./errors.js";
import {
  anyJson,
  anyObject,
  array,
  boolean,
  choice,
  type Infer,
  integer,
  lazy,
  named,
  nullable,
  number,
  type OpenApiComponents,
  object,
  optional,
  record,
  refined,
  type Schema,
  string,
  uint64,
  union,
  unsigned,
  unsupported,
  vector,
} from "./schema.js";

function fault(schema: Schema<unknown>, value: unknown): VicinalError {
  try {
    schema.parse(value);
  } catch (error) {
    if (error instanceof VicinalError) return error;
    throw error;
  }
  throw new Error("the value was accepted");
}

const pointId = named("PointId", union(uint64(), string()), { code: "BAD_POINT_ID" });
const point = object({
  id: pointId,
  vector: union(vector(), record(vector())),
  payload: optional(anyObject()),
});
const upsert = object({ points: array(point, { minItems: 1 }) });

describe("place of a fault", () => {
  test.each([
    [{ points: [{ id: 1, vector: "x" }] }, "points[0].vector", "BAD_REQUEST"],
    [{ points: [{ id: 1, vector: [1, "x"] }] }, "points[0].vector[1]", "BAD_VECTOR"],
    [
      {
        points: [
          { id: 1, vector: [] },
          { id: -1, vector: [] },
        ],
      },
      "points[1].id",
      "BAD_POINT_ID",
    ],
    [{ points: [{ id: 1, vector: { "a b": [Number.NaN] } }] }, 'points[0].vector["a b"][0]', "BAD_VECTOR"],
    [{ points: [{ vector: [] }] }, "points[0].id", "BAD_POINT_ID"],
    [{ points: [] }, "points", "OUT_OF_RANGE"],
    [{}, "points", "BAD_REQUEST"],
    [[], "", "BAD_REQUEST"],
    [{ points: [{ id: 1, vector: [], payload: [] }] }, "points[0].payload", "BAD_REQUEST"],
  ])("%j", (value, path, code) => {
    const error = fault(upsert, value);
    expect(error.details.path).toBe(path);
    expect(error.code).toBe(code);
    if (path !== "") expect(error.message.startsWith(`${path}: `)).toBe(true);
  });

  test("messages say what was expected and what came", () => {
    expect(fault(upsert, { points: [{ id: 1, vector: "x" }] }).message).toBe(
      'points[0].vector: expected an array of numbers or an object, got "x"',
    );
    expect(fault(upsert, { points: [{ id: 1.5, vector: [] }] }).message).toBe(
      "points[0].id: expected an unsigned 64-bit integer or a string, got 1.5",
    );
    expect(fault(upsert, { points: [{ id: 1 }] }).message).toBe(
      "points[0].vector: is missing, expected an array of numbers or an object",
    );
    expect(fault(string(), "x".repeat(0) || 7).message).toBe("expected a string, got 7");
    expect(fault(number(), "y".repeat(1000)).message.length).toBeLessThan(120);
  });
});

describe("leaves", () => {
  test.each<[string, Schema<unknown>, unknown[], unknown[]]>([
    ["string", string({ minLength: 1, maxLength: 3 }), ["a", "abc"], ["", "abcd", 1, null]],
    ["number", number({ min: 0, max: 1 }), [0, 0.5, 1], [-0.1, 1.1, Number.NaN, Infinity, "0", 0n]],
    ["integer", integer(), [-5, 0, 2 ** 53 - 1], [0.5, 2 ** 53, Infinity]],
    ["unsigned", unsigned(), [0, 7], [-1, 0.5]],
    ["uint64", uint64(), [0, 2 ** 53 - 1, 0n, 2n ** 64n - 1n], [-1, -1n, 2n ** 64n, 2 ** 53, 1.5, "1"]],
    ["boolean", boolean(), [true, false], [0, "true"]],
    ["choice", choice("a", "b"), ["a", "b"], ["c", 1]],
    ["nullable", nullable(number()), [1, null], [undefined, "1"]],
    ["anyJson", anyJson(), [null, 0, {}], [undefined]],
    ["unsupported", optional(unsupported(anyJson())), [undefined, null], [0, false, [], {}]],
    ["refined", refined(number(), (n) => (n === 3 ? "must not be 3" : undefined)), [2], [3, "2"]],
    ["strict", object({ a: optional(number()) }, { strict: true }), [{}, { a: null }], [{ b: 1 }]],
    ["loose", object({ a: optional(number()) }), [{ b: 1 }], [{ a: "1" }, null, new Float32Array(1)]],
  ])("%s", (_name, schema, good, bad) => {
    for (const value of good) expect(schema.parse(value)).toBe(value);
    for (const value of bad) expect(fault(schema, value)).toBeInstanceOf(VicinalError);
  });

  test("a value beyond its range is told apart from one of the wrong kind", () => {
    expect(fault(unsigned({ min: 1 }), 0).code).toBe("OUT_OF_RANGE");
    expect(fault(unsigned({ min: 1 }), -1).code).toBe("BAD_REQUEST");
    expect(fault(unsupported(anyJson()), 1).code).toBe("UNSUPPORTED");
    const dense = union(vector(), unsupported(array(vector()), "multi-vectors are"), record(vector()));
    expect(dense.check([1])).toBeUndefined();
    expect(fault(dense, [[1]]).message).toBe("multi-vectors are not supported by this version");
  });

  test("a vector is accepted if and only if every element is a finite float32", () => {
    const element = fc.oneof(
      fc.double(),
      fc.constantFrom(3.5e38, -3.5e38, 3.4028234663852886e38, Number.NaN, Infinity, -Infinity, -0),
    );
    fc.assert(
      fc.property(fc.array(element), (values) => {
        const fits = values.every((value) => Number.isFinite(Math.fround(value)));
        expect(vector().check(values) === undefined).toBe(fits);
        expect(vector().check(Float32Array.from(values)) === undefined).toBe(fits);
      }),
      { seed: 7 },
    );
  });

  test("long integers of a vector become numbers again", () => {
    const values: unknown[] = [1, 100000000000000000n];
    expect(vector().check(values)).toBeUndefined();
    expect(values).toEqual([1, 1e17]);
    expect(fault(vector(), [10n ** 40n]).code).toBe("BAD_VECTOR");
  });

  test("a subarray is judged by its own elements", () => {
    const whole = Float32Array.of(Number.NaN, 1, 2, Infinity);
    expect(vector().check(whole.subarray(1, 3))).toBeUndefined();
    expect(fault(vector(), whole.subarray(1)).message).toBe("[2]: expected a finite float32, got Infinity");
  });
});

describe("unions and recursion", () => {
  interface Tree {
    must?: Condition[] | null;
  }
  type Condition = { key: string; match: { value: unknown } } | { is_empty: { key: string } } | Tree;
  const tree: Schema<Tree> = named(
    "Filter",
    object({ must: optional(array(lazy<Condition>(() => condition, "a condition"))) }),
    { code: "BAD_FILTER" },
  );
  const condition: Schema<Condition> = named(
    "Condition",
    union(
      object({ key: string(), match: object({ value: anyJson() }) }),
      object({ is_empty: object({ key: string() }) }),
      tree,
    ),
  );

  test("the alternative that the value resembles explains the fault", () => {
    const error = fault(tree, { must: [{ must: [{ is_empty: { key: 3 } }] }] });
    expect(error.message).toBe("must[0].must[0].is_empty.key: expected a string, got 3");
    expect(error.code).toBe("BAD_FILTER");
    expect(fault(tree, { must: [{ other: 1 }] }).message).toContain("`is_empty`");
  });

  test("a recursive schema becomes components that refer to each other", () => {
    const components: OpenApiComponents = new Map();
    expect(tree.describe("Which points").toOpenApi(components)).toEqual({
      description: "Which points",
      allOf: [{ $ref: "#/components/schemas/Filter" }],
    });
    expect([...components.keys()].sort()).toEqual(["Condition", "Filter"]);
    expect(components.get("Filter")).toEqual({
      type: "object",
      properties: {
        must: { type: "array", items: { $ref: "#/components/schemas/Condition" }, nullable: true },
      },
    });
  });
});

test("types follow the schema", () => {
  const schema = object({
    id: uint64(),
    kind: choice("a", "b"),
    limit: optional(integer()),
    vector: union(vector(), record(vector())),
  });
  expectTypeOf<Infer<typeof schema>>().toEqualTypeOf<{
    id: number | bigint;
    kind: "a" | "b";
    limit?: number | null | undefined;
    vector: number[] | Float32Array | Record<string, number[] | Float32Array>;
  }>();
  expect(schema.parse({ id: 1n, kind: "b", vector: {} }).id).toBe(1n);
});
