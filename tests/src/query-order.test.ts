/** Ordering by a field, sampling, examples of another collection and thresholds, against a plain reference over random points. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { refusal, type Served, serve } from "./homes.js";
import { random } from "./kill-workload.js";

const COUNT = 700;
const SEED = 11;

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
  rows = Array.from({ length: COUNT }, (_, id) => ({
    id,
    vector: [unit(), unit(), unit(), unit()],
    payload: {
      city: ["Bern", "Ulm", "Graz"][below(3)],
      rank: below(40),
      price: below(100) / 4,
      when: new Date(1_600_000_000_000 + below(50) * 3_600_000).toISOString(),
      many: [below(30), 30 + below(30)],
      ...(below(3) === 0 ? { some: below(20) - 19 } : {}),
    },
  }));
  await database.createCollection("points", { vectors: { size: 4, distance: "Euclid" } });
  await database.createCollection("others", { vectors: { far: { size: 4, distance: "Dot" } } });
  const fields = {
    rank: "integer",
    price: "float",
    when: "datetime",
    many: "integer",
    some: "integer",
  } as const;
  // Half before the points and half after: columns that grow with the points, and ones that are built over them.
  const indexed = Object.entries(fields);
  for (const [field_name, field_schema] of indexed.slice(0, 2))
    await database.createPayloadIndex("points", { field_name, field_schema });
  await database.upsert("points", { points: rows });
  for (const [field_name, field_schema] of indexed.slice(2))
    await database.createPayloadIndex("points", { field_name, field_schema });
  await database.delete("points", { points: rows.filter(({ id }) => id % 9 === 4).map(({ id }) => id) });
  rows = rows.filter(({ id }) => id % 9 !== 4);
  await database.upsert("others", { points: [{ id: 5, vector: { far: [0.5, 0.25, 0.125, 1] } }] });
});
afterAll(() => home.close());

function valuesOf(row: Row, key: string): number[] {
  const given = row.payload[key];
  if (given === undefined) return [];
  if (typeof given === "string") return [Date.parse(given) * 1000];
  return [given].flat() as number[];
}

function expectedOrder(key: string, descending: boolean, among = rows): [id: number, value: number][] {
  const entries = among.flatMap((row) =>
    valuesOf(row, key).map((value): [number, number] => [row.id, value]),
  );
  return entries.sort((a, b) => (descending ? b[1] - a[1] : a[1] - b[1]) || a[0] - b[0]);
}

describe.each(["rank", "price", "when", "many", "some"])("by %s", (key) => {
  test.each(["asc", "desc"] as const)("%s", async (direction) => {
    const order = expectedOrder(key, direction === "desc");
    for (const limit of [1, 17, 5 * COUNT]) {
      const { points, next_page_offset } = await home.database.scroll("points", {
        order_by: { key, direction },
        limit,
      });
      expect(points.map(({ id, order_value }) => [id, order_value])).toEqual(order.slice(0, limit));
      expect(next_page_offset).toBeNull();
    }
    const found = await home.database.query("points", {
      query: { order_by: { key, direction } },
      limit: 20,
      offset: 13,
    });
    expect(found.points.map(({ id, order_value }) => [id, order_value])).toEqual(order.slice(13, 33));
  });

  test.each(["asc", "desc"] as const)("%s, filtered, page by page from the last value", async (direction) => {
    const filter = { must: [{ key: "city", match: { value: "Ulm" } }] };
    const order = expectedOrder(
      key,
      direction === "desc",
      rows.filter(({ payload }) => payload.city === "Ulm"),
    );
    const [, start] = order[Math.floor(order.length / 2)];
    const { points } = await home.database.scroll("points", {
      order_by: { key, direction, start_from: start },
      limit: 5 * COUNT,
      filter,
    });
    expect(points.map(({ id, order_value }) => [id, order_value])).toEqual(
      order.filter(([, value]) => (direction === "desc" ? value <= start : value >= start)),
    );
  });
});

test("a point in time may be written as text", async () => {
  const [, start] = expectedOrder("when", false)[300];
  const { points } = await home.database.scroll("points", {
    order_by: { key: "when", start_from: new Date(start / 1000).toISOString() },
    limit: 3,
  });
  expect(points[0].order_value).toBe(start);
});

test("REST tells the values", async () => {
  const result = await home.rest.result("POST", "/collections/points/points/scroll", {
    order_by: "rank",
    limit: 4,
    with_payload: false,
  });
  expect(result.points).toEqual(
    expectedOrder("rank", false)
      .slice(0, 4)
      .map(([id, order_value]) => ({ id, order_value })),
  );
});

test("what cannot be ordered is refused", async () => {
  const { database } = home;
  const bad = { code: "BAD_REQUEST" };
  expect(await refusal(database.scroll("points", { order_by: "city" }))).toMatchObject(bad);
  expect(await refusal(database.scroll("points", { order_by: "rank", offset: 3 }))).toMatchObject(bad);
  const words = { key: "rank", start_from: "2020-01-01" };
  expect(await refusal(database.scroll("points", { order_by: words }))).toMatchObject(bad);
  const asked = { query: { order_by: "rank" }, score_threshold: 1 };
  expect((await refusal(database.query("points", asked))).message).toContain("order_by");
  expect((await refusal(database.query("points", { score_threshold: 1 }))).message).toContain("threshold");
});

test("a sample holds distinct matching points, other ones each time", async () => {
  const filter = { must: [{ key: "city", match: { value: "Graz" } }] };
  const matching = rows.filter(({ payload }) => payload.city === "Graz").map(({ id }) => id);
  const sample = async (limit: number) => {
    const { points } = await home.database.query("points", { query: { sample: "random" }, filter, limit });
    return points.map(({ id }) => id as number);
  };
  const all = await sample(COUNT);
  expect([...all].sort((a, b) => a - b)).toEqual(matching);
  const samples = [await sample(12), await sample(12), await sample(12)];
  for (const ids of samples) {
    expect(new Set(ids).size).toBe(12);
    expect(ids.every((id) => matching.includes(id))).toBe(true);
  }
  expect(new Set(samples.map(String)).size).toBeGreaterThan(1);
});

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0));
}

test("an example of another collection", async () => {
  const vector = [0.5, 0.25, 0.125, 1];
  const expected = [...rows]
    .sort((a, b) => distance(a.vector, vector) - distance(b.vector, vector))
    .map(({ id }) => id);
  const { points } = await home.database.query("points", {
    query: 5,
    lookup_from: { collection: "others", vector: "far" },
    limit: 10,
    params: { exact: true },
  });
  // The point 5 of this collection is not the example: it may be answered.
  expect(points.map(({ id }) => id)).toEqual(expected.slice(0, 10));
  const nowhere = { query: 5, lookup_from: { collection: "none" } };
  expect(await refusal(home.database.query("points", nowhere))).toMatchObject({
    code: "COLLECTION_NOT_FOUND",
  });
  const noPoint = { query: 6, lookup_from: { collection: "others", vector: "far" } };
  expect(await refusal(home.database.query("points", noPoint))).toMatchObject({ code: "POINT_NOT_FOUND" });
});

test("a threshold leaves out what is only as good", async () => {
  const query = { query: rows[0].vector, limit: 30, params: { exact: true } };
  const { points } = await home.database.query("points", query);
  const tenth = points[9].score;
  const better = await home.database.query("points", { ...query, score_threshold: tenth });
  expect(better.points).toEqual(points.slice(0, 9));
  const none = await home.database.query("points", { ...query, score_threshold: 0 });
  expect(none.points).toEqual([]);
});
