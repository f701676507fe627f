/** Formulas against a plain evaluator over plain payloads; then the edges one by one. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { formulaQuery } from "../../api/schema/formula.js";
import type { Condition, Filter } from "../../payload/filter.js";
import { payloads as filtered, filters } from "../../payload/filter-arbitraries.test.helper.js";
import { datetimes, scalar } from "../../payload/fixtures.test.helper.js";
import { encodePayload, type JsonObject } from "../../payload/json.js";
import { VicinalError } from "../../runtime/errors.js";
import { loadKernels } from "../../runtime/kernels.js";
import { CollectionState } from "../../segment/state.js";
import { plain, Refusal } from "./formula-reference.test.helper.js";
import { compileFormula, type Defaults, type Expression, rankByFormula } from "./index.js";

const kernels = await loadKernels();

/** A collection of these payloads, by ids from 0, with field indexes of the given types. */
function stateOf(payloads: readonly JsonObject[], fields: Record<string, string> = {}): CollectionState {
  const vectors = { "": { size: 2, distance: "Dot", given: {} } } as const;
  const config = { vectors, hnsw: {}, optimizers: {}, other: {}, fields: {} };
  const state = new CollectionState(config, 1, kernels);
  const points = payloads.map((payload, id) => ({ id, payload: encodePayload(payload), vectors: [] }));
  state.apply([{ kind: "upsert", points }], 1);
  for (const [path, type] of Object.entries(fields))
    state.apply([{ kind: "field", path, schema: encodePayload({ type }) }], 2);
  return state;
}

/** The scores of points 0, 1, ... by a formula, and those of two prefetches. */
function scores(
  state: CollectionState,
  expression: Expression,
  given: readonly (readonly (number | undefined)[])[],
  defaults: Defaults = {},
): number[] {
  const [segment] = state.segments();
  const rankings = given.map((list) =>
    list.flatMap((score, row) => (score === undefined ? [] : [{ segment, row, score }])),
  );
  const ranked = rankByFormula(state, compileFormula(expression, defaults), rankings);
  for (let i = 1; i < ranked.length; i++) expect(ranked[i - 1].score).toBeGreaterThanOrEqual(ranked[i].score);
  return ranked.sort((a, b) => a.row - b.row).map(({ score }) => score);
}

// ------------------------------------------------------------------------------------------- what is drawn

const places = fc.record({ lon: fc.constantFrom(-170, 0, 13.4, 200), lat: fc.constantFrom(-60, 0, 52.5) });
const small = fc.oneof(fc.integer({ min: -4, max: 4 }), fc.double({ min: -9, max: 9, noNaN: true }));
const times = fc.constantFrom(...datetimes.keys());
const oftenOne = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 6, arbitrary: value },
    { weight: 1, arbitrary: fc.array(value, { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.constantFrom(null, [], [null]) },
    { weight: 1, arbitrary: scalar },
  );
const own = fc.record(
  {
    n: oftenOne(small),
    m: fc.record({ x: oftenOne(small) }),
    time: oftenOne(times),
    place: oftenOne(places),
  },
  { requiredKeys: [] },
);
const payload = fc.tuple(filtered, own).map(([a, b]) => ({ ...a, ...b }) as JsonObject);

const decays = (node: fc.Arbitrary<Expression>) =>
  fc.record(
    {
      x: node,
      target: node,
      scale: fc.constantFrom(0.5, 3, 1e4),
      midpoint: fc.constantFrom(0.1, 0.5, 0.75),
    },
    { requiredKeys: ["x"] },
  );

const { expression } = fc.letrec<{ expression: Expression }>((tie) => {
  const node = tie("expression");
  const one = (name: string) => node.map((operand) => ({ [name]: operand }));
  return {
    expression: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      { weight: 3, arbitrary: small },
      { weight: 3, arbitrary: fc.constantFrom("$score", "$score[1]") },
      { weight: 6, arbitrary: fc.constantFrom("n", "n", "m.x", 'm."x"', "n[]", "n[0]", "absent") },
      { weight: 2, arbitrary: fc.record({ datetime: times }) },
      { weight: 3, arbitrary: fc.constantFrom("time", "time[]").map((path) => ({ datetime_key: path })) },
      {
        weight: 3,
        arbitrary: fc.record({
          geo_distance: fc.record({
            origin: places.filter(({ lon }) => lon < 180),
            to: fc.constant("place"),
          }),
        }),
      },
      { weight: 3, arbitrary: filters as fc.Arbitrary<Filter> },
      { weight: 2, arbitrary: fc.array(node, { maxLength: 3 }).map((mult) => ({ mult })) },
      { weight: 2, arbitrary: fc.array(node, { maxLength: 3 }).map((sum) => ({ sum })) },
      ...["neg", "abs", "sqrt", "exp", "log10", "ln"].map((name) => ({ weight: 1, arbitrary: one(name) })),
      {
        weight: 2,
        arbitrary: fc
          .record({ left: node, right: node, by_zero_default: small }, { requiredKeys: ["left", "right"] })
          .map((div) => ({ div })),
      },
      { weight: 1, arbitrary: fc.record({ base: node, exponent: node }).map((pow) => ({ pow })) },
      ...["lin_decay", "exp_decay", "gauss_decay"].map((name) => ({
        weight: 2,
        arbitrary: decays(node).map((decay) => ({ [name]: decay })),
      })),
    ) as fc.Arbitrary<Expression>,
  };
});

const defaults = fc.record(
  {
    $score: small,
    "$score[1]": small,
    n: small,
    "n[]": small,
    "n[0]": small,
    "m.x": small,
    time: times,
    "time[]": times,
    place: places.filter(({ lon }) => lon < 180),
  },
  { requiredKeys: [] },
);

const indexes = fc.record(
  {
    n: fc.constantFrom("integer", "float", "keyword"),
    "n[]": fc.constant("float"),
    "m.x": fc.constantFrom("integer", "float"),
    time: fc.constantFrom("datetime", "keyword"),
    place: fc.constant("geo"),
  },
  { requiredKeys: [] },
);

test("a formula gives what a plain evaluator gives, with field indexes and without", () => {
  const given = fc.array(fc.option(small, { nil: undefined }), { minLength: 4, maxLength: 4 });
  let answered = 0;
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(payload, { minLength: 4, maxLength: 4 }),
      expression,
      fc.tuple(given, given),
      defaults,
      indexes,
      (payloads, formula, rankings, byDefault, fields) => {
        formulaQuery.parse({ formula, defaults: byDefault });
        const state = stateOf(payloads, fields);
        payloads.forEach((one, id) => {
          const alone = rankings.map((list) => list.map((score, row) => (row === id ? score : undefined)));
          if (alone.every((list) => list[id] === undefined)) alone[0][id] = 0;
          const point = {
            payload: one,
            id,
            vectors: [],
            scores: alone.map((list) => list[id]),
            defaults: byDefault,
          };
          let expected: number | undefined;
          try {
            expected = plain(formula, point);
          } catch (refusal) {
            if (!(refusal instanceof Refusal)) throw refusal;
          }
          if (expected === undefined) {
            expect(() => scores(state, formula, alone, byDefault)).toThrow(VicinalError);
            refused++;
          } else {
            const [score] = scores(state, formula, alone, byDefault);
            expect(Math.abs(score - expected)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));
            answered++;
          }
        });
        state.close();
      },
    ),
    { seed: 22, numRuns: 1500 },
  );
  // Neither all refused nor none: both sides of the comparison have been at work.
  expect(answered).toBeGreaterThan(1000);
  expect(refused).toBeGreaterThan(300);
});

// ------------------------------------------------------------------------------------------- edges

function scoreOf(expression: Expression, payload: JsonObject = {}, defaults: Defaults = {}): number {
  formulaQuery.parse({ formula: expression, defaults });
  const state = stateOf([payload]);
  const [score] = scores(state, expression, [[0.5]], defaults);
  state.close();
  return score;
}

test("decays are their midpoint at a distance of the scale, to both sides of the target", () => {
  for (const [name, midpoint] of [
    ["lin_decay", 0.25],
    ["exp_decay", 0.25],
    ["gauss_decay", 0.25],
  ] as const)
    for (const n of [2, 12]) {
      const decay = { x: "n", target: 7, scale: 5, midpoint };
      expect(scoreOf({ [name]: decay } as unknown as Expression, { n })).toBeCloseTo(midpoint, 12);
    }
  expect(scoreOf({ lin_decay: { x: 2 } })).toBe(0);
  expect(scoreOf({ exp_decay: { x: 2 } })).toBeCloseTo(0.25, 12);
  expect(scoreOf({ gauss_decay: { x: 2 } })).toBeCloseTo(0.0625, 12);
  expect(
    scoreOf(
      { exp_decay: { x: { datetime: "2020-01-01" }, target: { datetime_key: "at" } } },
      { at: "2020-01-01T00:00:01Z" },
    ),
  ).toBe(0.5);
});

test("integers beyond 2^53 are numbers like others", () => {
  const target = 1_700_000_000_000_000_000n;
  const decay = { x: "at", target, scale: 86_400_000_000_000_000n, midpoint: 0.25 };
  const at = 1_613_600_000_000_000_000n;
  expect(scoreOf({ exp_decay: decay }, { at })).toBeCloseTo(0.25, 9);
  expect(scoreOf({ div: { left: 2n ** 60n, right: 0, by_zero_default: 2n ** 60n } })).toBe(2 ** 60);
  expect(scoreOf("$score[1]", {}, { "$score[1]": 2n ** 60n })).toBe(2 ** 60);
});

test("points of several prefetches come once, with the score of each", () => {
  const state = stateOf([{}, {}, {}]);
  const formula: Expression = { sum: ["$score", { mult: [10, "$score[1]"] }, { mult: [100, "$score[2]"] }] };
  const given = [
    [1, 2, undefined],
    [undefined, 3, 4],
  ];
  expect(scores(state, formula, given)).toEqual([1, 32, 40]);
  expect(scores(state, formula, given, { "$score[1]": -1, "$score[2]": 2, $score: 5 })).toEqual([
    191, 232, 245,
  ]);
  state.close();
});

test("products end at a zero, quotients of zero are zero, and a divisor of zero has its default", () => {
  const failing: Expression = { ln: 0 };
  expect(scoreOf({ mult: [0, failing] })).toBe(0);
  expect(() => scoreOf({ mult: [failing, 0] })).toThrow(/ln\(0\)/);
  expect(scoreOf({ div: { left: 0, right: failing } })).toBe(0);
  expect(scoreOf({ div: { left: 1, right: 0, by_zero_default: 7 } })).toBe(7);
  expect(() => scoreOf({ div: { left: 1, right: 0 } })).toThrow(/1 \/ 0/);
});

test("what a formula cannot compute is refused with the place", () => {
  const refused = (run: () => unknown, message: RegExp) => {
    expect(run).toThrow(message);
    expect(run).toThrow(expect.objectContaining({ code: "BAD_REQUEST", status: 400 }));
  };
  refused(() => scoreOf("price"), /number at price.*none/);
  refused(() => scoreOf("price", { price: "5" }), /something else/);
  refused(() => scoreOf("price", { price: [1, 2] }), /several/);
  refused(
    () => scoreOf({ geo_distance: { origin: { lon: 0, lat: 0 }, to: "at" } }, { at: { lon: 999, lat: 0 } }),
    /geo point at at/,
  );
  refused(() => scoreOf({ sqrt: -1 }), /sqrt\(-1\) is NaN/);
  refused(() => scoreOf({ mult: [1e30, 1e30] }), /finite 32-bit float/);
  refused(() => scoreOf("price", {}, { price: "cheap" }), /query\.defaults: expected a number for price/);
});

test("the schema refuses what is no formula, with the place and the status", () => {
  const refused = (query: unknown, status: number, message: RegExp) => {
    expect(() => formulaQuery.parse(query)).toThrow(message);
    expect(() => formulaQuery.parse(query)).toThrow(expect.objectContaining({ status }));
  };
  refused({ formula: "$other" }, 400, /formula: expected `\$score`/);
  refused({ formula: { sum: ["$score", { mult: ["$score[]"] }] } }, 400, /formula\.sum\[1\]\.mult\[0\]/);
  refused({ formula: { exp_decay: { x: 1, midpoint: 1 } } }, 400, /exp_decay: midpoint must be above 0/);
  refused({ formula: { lin_decay: { x: 1, midpoint: 1.5 } } }, 400, /lin_decay: midpoint must be from 0/);
  refused({ formula: { gauss_decay: { x: 1, scale: 0 } } }, 400, /scale must be above 0/);
  refused({ formula: { nothing: 1 } }, 400, /condition/);
  refused({ formula: { datetime: "soon" } }, 400, /formula\.datetime/);
  refused({ formula: 1, defaults: { "a..b": 1 } }, 422, /no variable/);
  refused({ formula: 1, defaults: { $score: "1" } }, 422, /\$score: expected a number/);
  let deep: Expression = 1;
  for (let i = 0; i < 5000; i++) deep = { neg: deep };
  refused({ formula: deep }, 400, /nested deeper than 64/);
  const condition: Condition = { key: "a", match: { value: 1 } };
  expect(formulaQuery.parse({ formula: { sum: [condition, { must: [condition] }] } })).toBeTruthy();
});
