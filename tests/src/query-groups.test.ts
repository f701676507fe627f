/** Groups, facets and distances among a sample, against a plain reference over random points, embedded and over REST. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { refusal, type Served, serve } from "./homes.js";
import { random } from "./kill-workload.js";

const COUNT = 900;
const SEED = 12;

type Key = string | number;

interface Row {
  id: number;
  vector: number[];
  payload: Record<string, unknown>;
}

let home: Served;
let rows: Row[];

beforeAll(async () => {
  home = await serve();
  const { database } = home;
  const unit = random(SEED);
  const below = (end: number) => Math.floor(unit() * end);
  const words = ["alder", "birch", "cedar", "elm", "fir", "oak"];
  rows = Array.from({ length: COUNT }, (_, id) => ({
    id,
    vector: Array.from({ length: 4 }, () => Math.fround(unit())),
    payload: {
      tree: words[Math.min(below(6), below(6))],
      number: below(25),
      trees: [words[below(6)], words[below(6)]],
      mixed: [below(4), `${below(4)}`, 1.5, null, [1], true][below(6)],
      yes: below(3) === 0,
      // Nearly all points share one value, so that the other groups take a long search to fill.
      rare: below(60) === 0 ? `rare ${below(3)}` : "often",
      when: "2020-01-01",
    },
  }));
  await database.createCollection("points", { vectors: { size: 4, distance: "Euclid" } });
  await database.createCollection("trees", { vectors: { size: 1, distance: "Dot" } });
  await database.createPayloadIndex("points", { field_name: "tree", field_schema: "keyword" });
  await database.upsert("points", { points: rows });
  for (const [field_name, field_schema] of [
    ["number", "integer"],
    ["trees", "keyword"],
    ["yes", "bool"],
    ["when", "datetime"],
  ] as const)
    await database.createPayloadIndex("points", { field_name, field_schema });
  await database.delete("points", { points: rows.filter(({ id }) => id % 7 === 2).map(({ id }) => id) });
  rows = rows.filter(({ id }) => id % 7 !== 2);
  await database.upsert("trees", {
    points: Array.from({ length: 20 }, (_, id) => ({ id, vector: [1], payload: { name: `number ${id}` } })),
  });
});
afterAll(() => home.close());

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0));
}

function keysOf({ payload }: Row, key: string): Key[] {
  const values = [payload[key]].flat();
  return values.every((value) => typeof value === "string" || Number.isInteger(value))
    ? [...new Set(values as Key[])]
    : [];
}

function expectedGroups(among: Row[], vector: readonly number[], key: string, limit: number, size: number) {
  const nearest = [...among].sort((a, b) => distance(a.vector, vector) - distance(b.vector, vector));
  const groups = new Map<Key, number[]>();
  for (const row of nearest)
    for (const value of keysOf(row, key)) {
      if (!groups.has(value) && groups.size < limit) groups.set(value, []);
      const hits = groups.get(value);
      if (hits && hits.length < size) hits.push(row.id);
    }
  return [...groups];
}

const near = [0.4, 0.6, 0.5, 0.5];
const cold = { must: [{ key: "number", range: { lt: 12 } }] };

describe.each(["tree", "number", "trees", "mixed", "rare"])("groups by %s", (group_by) => {
  test.each([
    [3, 2],
    [10, 5],
    [40, 30],
  ])("%i of %i points", async (limit, group_size) => {
    for (const filter of [undefined, cold]) {
      const args = { query: near, group_by, limit, group_size, filter, params: { exact: true } };
      const { groups } = await home.database.queryGroups("points", args);
      const among = filter ? rows.filter(({ payload }) => (payload.number as number) < 12) : rows;
      const expected = expectedGroups(among, near, group_by, limit, group_size);
      expect(groups.map(({ id, hits }) => [id, hits.map((hit) => hit.id)])).toEqual(expected);
      const rest = await home.rest.result("POST", "/collections/points/points/query/groups", args);
      expect(
        rest.groups.map(({ id, hits }: (typeof groups)[number]) => [id, hits.map((hit) => hit.id)]),
      ).toEqual(expected);
    }
  });
});

test("an array may be named with brackets, and the older form groups too", async () => {
  const plain = { group_by: "trees", limit: 4, group_size: 2 };
  const { groups } = await home.database.queryGroups("points", { query: near, ...plain });
  const items = await home.database.queryGroups("points", { query: near, ...plain, group_by: "trees[]" });
  expect(items.groups).toEqual(groups);
  const older = await home.rest.result("POST", "/collections/points/points/search/groups", {
    vector: near,
    ...plain,
  });
  expect(older.groups.map(({ id }: { id: Key }) => id)).toEqual(groups.map(({ id }) => id));
});

test("nothing is grouped by a field that is not there", async () => {
  const { groups } = await home.database.queryGroups("points", { query: near, group_by: "none" });
  expect(groups).toEqual([]);
});

test("groups by order look points up elsewhere", async () => {
  const { groups } = await home.database.queryGroups("points", {
    query: { order_by: { key: "number", direction: "desc" } },
    group_by: "number",
    limit: 7,
    group_size: 1,
    with_lookup: { collection: "trees", with_vectors: true },
  });
  expect(groups.map(({ id }) => id)).toEqual([24, 23, 22, 21, 20, 19, 18]);
  // Points 0 to 19 are there.
  expect(groups.map(({ lookup }) => lookup?.payload?.name)).toEqual([
    ...Array.from({ length: 5 }, () => undefined),
    "number 19",
    "number 18",
  ]);
  expect(groups[6].lookup?.vector).toEqual(new Float32Array([1]));
  const nowhere = { query: near, group_by: "tree", with_lookup: "none" };
  expect(await refusal(home.database.queryGroups("points", nowhere))).toMatchObject({
    code: "COLLECTION_NOT_FOUND",
  });
});

describe.each(["tree", "number", "trees", "yes"])("facet of %s", (key) => {
  test.each([1, 4, 1000])("the first %i", async (limit) => {
    for (const filter of [undefined, cold]) {
      const counts = new Map<unknown, number>();
      for (const { payload } of rows)
        if (!filter || (payload.number as number) < 12)
          for (const value of new Set([payload[key]].flat())) counts.set(value, (counts.get(value) ?? 0) + 1);
      const expected = [...counts]
        .map(([value, count]) => ({ value, count }))
        .sort((a, b) => b.count - a.count || ((a.value as Key) < (b.value as Key) ? -1 : 1))
        .slice(0, limit);
      const args = { key, limit, filter, exact: true };
      expect((await home.database.facet("points", args)).hits).toEqual(expected);
      expect((await home.rest.result("POST", "/collections/points/facet", args)).hits).toEqual(expected);
    }
  });
});

test("facets need an index that knows single values", async () => {
  for (const key of ["when", "mixed"])
    expect(await refusal(home.database.facet("points", { key }))).toMatchObject({ code: "BAD_REQUEST" });
});

test("a sample's points with their nearest in it", async () => {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const path = "/collections/points/points/search/matrix";
  const args = { sample: 25, limit: 4, filter: cold };
  const { pairs } = await home.rest.result("POST", `${path}/pairs`, args);
  const ids = [...new Set(pairs.map(({ a }: { a: number }) => a))] as number[];
  expect(ids).toHaveLength(25);
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
  for (const id of ids) {
    const from = byId.get(id) as Row;
    expect(from.payload.number).toBeLessThan(12);
    const scoreOf = (other: number) => distance(from.vector, (byId.get(other) as Row).vector);
    const nearest = ids.filter((other) => other !== id).sort((a, b) => scoreOf(a) - scoreOf(b));
    const found = pairs.filter(({ a }: { a: number }) => a === id);
    expect(found.map(({ b }: { b: number }) => b)).toEqual(nearest.slice(0, 4));
    for (const { b, score } of found) expect(score).toBeCloseTo(scoreOf(b), 5);
  }
  const matrix = await home.database.searchMatrixOffsets("points", args);
  expect(matrix.ids).toHaveLength(25);
  expect(matrix.offsets_row).toEqual(Array.from({ length: 100 }, (_, i) => Math.floor(i / 4)));
  const vectorAt = (place: number) => (byId.get(matrix.ids[place] as number) as Row).vector;
  matrix.scores.forEach((score, i) => {
    expect(score).toBeCloseTo(distance(vectorAt(matrix.offsets_row[i]), vectorAt(matrix.offsets_col[i])), 5);
  });
});

test("too few points are no sample", async () => {
  const filter = { must: [{ has_id: [0] }] };
  expect(await home.database.searchMatrixPairs("points", { filter })).toEqual({ pairs: [] });
  const unknown = home.database.searchMatrixPairs("points", { using: "none" });
  expect(await refusal(unknown)).toMatchObject({ code: "UNKNOWN_VECTOR" });
});
