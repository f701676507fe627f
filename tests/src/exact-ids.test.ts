/** Ids and integers are exact to the last digit, embedded and over HTTP, before and after a reopening. */

import { open } from "vicinal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Served, serve, withFolder } from "./homes.js";
import type { RawRest } from "./raw-rest.js";

type Id = number | bigint | string;

const uuids = [
  "00000000-0000-0000-0000-000000000000",
  "0f8fad5b-d9cb-469f-a165-70867728950e",
  "80000000-0000-4000-8000-000000000000",
  "ffffffff-ffff-ffff-ffff-ffffffffffff",
];
/** In the order of scrolling: integers ascending, then UUIDs. */
const ordered: Id[] = [
  0,
  1,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 2,
  2 ** 53 - 1,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 2n,
  2n ** 64n - 1n,
  ...uuids,
];
/** Not in the order of ids. */
const written = [...ordered.keys()].map((i) => ordered[(i * 7) % ordered.length]);

const place = (id: Id) => ordered.indexOf(id);
const pointOf = (id: Id) => ({
  id,
  vector: [place(id), 1],
  payload: { place: place(id), exact: 2n ** 53n + BigInt(place(id)) },
});

/** The same operations over both ways in. */
interface Way {
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  run(operation: keyof typeof paths, body: unknown): Promise<any>;
}

const paths = {
  upsert: ["PUT", ""],
  retrieve: ["POST", ""],
  delete: ["POST", "/delete"],
  setPayload: ["POST", "/payload"],
  overwritePayload: ["PUT", "/payload"],
  deletePayload: ["POST", "/payload/delete"],
  clearPayload: ["POST", "/payload/clear"],
  scroll: ["POST", "/scroll"],
  count: ["POST", "/count"],
  query: ["POST", "/query"],
} as const;

const ways: Record<string, (served: Served) => Way> = {
  embedded: ({ database }) => ({
    // biome-ignore lint/suspicious/noExplicitAny: one call for methods of many types
    run: (operation, body) => database[operation]("points", body as any),
  }),
  "raw HTTP": ({ rest }) => ({
    run(operation, body) {
      const [method, path] = paths[operation];
      return rest.result(method, `/collections/points/points${path}?wait=true`, body);
    },
  }),
};

async function fill(served: Served): Promise<void> {
  await served.database.createCollection("points", { vectors: { size: 2, distance: "Euclid" } });
  await served.database.createPayloadIndex("points", { field_name: "indexed", field_schema: "integer" });
}

const idsOf = (points: { id: Id }[]) => points.map(({ id }) => id);

describe.each(Object.keys(ways))("%s", (name) => {
  let served: Served;
  let way: Way;
  let rest: RawRest;

  beforeAll(async () => {
    served = await serve();
    rest = served.rest;
    way = ways[name](served);
    await fill(served);
    await way.run("upsert", { points: written.map(pointOf) });
  });
  afterAll(() => served.close());

  test("every id is a point of its own", async () => {
    expect((await way.run("count", {})).count).toBe(ordered.length);
    const points = await way.run("retrieve", { ids: ordered });
    expect(idsOf(points)).toEqual(ordered);
    for (const { id, payload } of points) expect(payload).toEqual(pointOf(id).payload);
  });

  test("upsert again replaces, and nothing beside it", async () => {
    await way.run("upsert", { points: written.map(pointOf) });
    expect((await way.run("count", {})).count).toBe(ordered.length);
  });

  test.each([1, 2, 3, 100])("scroll in pages of %i", async (limit) => {
    const seen: Id[] = [];
    let offset: Id | null | undefined;
    do {
      const page = await way.run("scroll", { limit, offset });
      seen.push(...idsOf(page.points));
      offset = page.next_page_offset;
      if (offset !== null) expect(offset).toBe(ordered[seen.length]);
    } while (offset !== null);
    expect(seen).toEqual(ordered);
  });

  test("query finds each by its vector and leaves out the one asked with", async () => {
    for (const id of ordered) {
      const byVector = await way.run("query", { query: [place(id), 1], limit: 1 });
      expect(idsOf(byVector.points)).toEqual([id]);
      const byPoint = await way.run("query", { query: id, limit: ordered.length });
      expect(new Set(idsOf(byPoint.points))).toEqual(new Set(ordered.filter((other) => other !== id)));
    }
  });

  test("has_id tells neighbours apart", async () => {
    for (const id of ordered) {
      const only = { filter: { must: [{ has_id: [id] }] } };
      expect(idsOf((await way.run("scroll", only)).points)).toEqual([id]);
      const others = { limit: 100, filter: { must_not: [{ has_id: [id] }] } };
      expect(idsOf((await way.run("scroll", others)).points)).toEqual(
        ordered.filter((other) => other !== id),
      );
    }
  });

  test("every form of a UUID is the same point", async () => {
    for (const uuid of uuids) {
      const simple = uuid.replaceAll("-", "");
      const forms = [uuid.toUpperCase(), simple, simple.toUpperCase(), `{${uuid}}`, `urn:uuid:${uuid}`];
      for (const form of forms) {
        expect(idsOf(await way.run("retrieve", { ids: [form] }))).toEqual([uuid]);
        const filter = { must: [{ has_id: [form] }] };
        expect(idsOf((await way.run("scroll", { filter })).points)).toEqual([uuid]);
        await way.run("upsert", { points: [{ ...pointOf(uuid), id: form }] });
      }
    }
    expect((await way.run("count", {})).count).toBe(ordered.length);
  });

  test("payload operations change the one point that is named", async () => {
    for (const id of ordered) {
      const read = async () => (await way.run("retrieve", { ids: [id] }))[0].payload;
      const { payload } = pointOf(id);
      await way.run("setPayload", { points: [id], payload: { more: 1 } });
      expect(await read()).toEqual({ ...payload, more: 1 });
      const marked = { must: [{ key: "more", match: { value: 1 } }] };
      expect((await way.run("count", { filter: marked })).count).toBe(1);
      await way.run("deletePayload", { points: [id], keys: ["more"] });
      expect(await read()).toEqual(payload);
      await way.run("clearPayload", { points: [id] });
      expect(await read()).toEqual({});
      await way.run("overwritePayload", { points: [id], payload });
      expect(await read()).toEqual(payload);
    }
  });

  test.each(["plain", "indexed"])("integers of payloads, %s", async (key) => {
    const values = [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 53n) - 1n, 2 ** 53 - 1];
    const points = ordered
      .slice(0, values.length)
      .map((id, i) => ({ ...pointOf(id), payload: { [key]: values[i] } }));
    await way.run("upsert", { points });
    for (const [i, value] of values.entries()) {
      const { payload } = (await way.run("retrieve", { ids: [points[i].id] }))[0];
      expect(payload[key]).toBe(value);
      const filter = { must: [{ key, match: { value } }] };
      expect(idsOf((await way.run("scroll", { filter })).points)).toEqual([points[i].id]);
      const range = { must: [{ key, range: { gte: value, lte: value } }] };
      expect(idsOf((await way.run("scroll", { filter: range })).points)).toEqual([points[i].id]);
    }
    const any = { must: [{ key, match: { any: [2n ** 53n, 2n ** 63n - 1n] } }] };
    expect((await way.run("count", { filter: any })).count).toBe(2);
    const above = { must: [{ key, range: { gt: 2n ** 53n } }] };
    expect((await way.run("count", { filter: above })).count).toBe(2);
    await way.run("upsert", { points: points.map(({ id }) => pointOf(id)) });
  });

  test("a path names an id exactly", async () => {
    for (const id of ordered) {
      const point = await rest.result("GET", `/collections/points/points/${id}`);
      expect(point.id).toBe(id);
      expect(point.payload).toEqual(pointOf(id).payload);
    }
    const { status } = await rest.call("GET", "/collections/points/points/9007199254740994");
    expect(status).toBe(404);
  });

  test("delete takes the one that is named", async () => {
    for (const [i, id] of ordered.entries()) {
      await way.run("delete", { points: [id] });
      const { points } = await way.run("scroll", { limit: 100 });
      expect(idsOf(points)).toEqual(ordered.slice(i + 1));
    }
  });
});

test("ids and integers are exact after a reopening, from the log and from files", () =>
  withFolder(async (folder) => {
    let served = await serve(folder);
    await fill(served);
    await served.database.upsert("points", { points: written.map(pointOf) });
    for (const settle of [false, true]) {
      if (settle) await served.database.waitForIndex("points", { everything: true });
      await served.close();
      served = await serve(folder);
      const { points } = await served.database.scroll("points", { limit: 100 });
      expect(idsOf(points)).toEqual(ordered);
      for (const { id, payload } of points) expect(payload).toEqual(pointOf(id).payload);
    }
    await served.close();
    await (await open(folder)).close();
  }));
