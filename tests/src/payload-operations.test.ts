/** What can be done to payloads, over HTTP as Qdrant's own tests do it, with field indexes that must follow. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Served, serve } from "./homes.js";

let served: Served;
const at = "/collections/points/points";

beforeEach(async () => {
  served = await serve();
  await served.database.createCollection("points", { vectors: { size: 1, distance: "Dot" } });
  await served.database.upsert("points", { points: [1, 2, 3, 9].map((id) => ({ id, vector: [id] })) });
});
afterEach(() => served.close());

const run = (method: string, path: string, body: unknown): Promise<unknown> =>
  served.rest.result(method, `${at}/payload${path}?wait=true`, body);
const payload = async (id: number): Promise<unknown> =>
  (await served.rest.result("GET", `${at}/${id}`)).payload;
const found = async (filter: object): Promise<number[]> =>
  (await served.rest.result("POST", `${at}/scroll`, { filter })).points.map(({ id }: { id: number }) => id);

test("merging, replacing, deleting and clearing", async () => {
  await run("POST", "", { payload: { a: 1, b: { c: 2 } }, points: [1] });
  await run("POST", "", { payload: { b: { d: 3 } }, points: [1] });
  expect(await payload(1)).toEqual({ a: 1, b: { d: 3 } });
  await run("PUT", "", { payload: { e: null, f: [null] }, points: [1] });
  expect(await payload(1)).toEqual({ e: null, f: [null] });
  await run("POST", "/delete", { keys: ["e", "absent", "f"], points: [1] });
  expect(await payload(1)).toEqual({});
  await run("PUT", "", { payload: { a: 1 }, points: [1, 2] });
  await run("POST", "/clear", { filter: { must: [{ has_id: [1] }] } });
  expect([await payload(1), await payload(2)]).toEqual([{}, { a: 1 }]);
});

test("below a key path, as often as you like", async () => {
  const array = [{ a1: { k: "x" } }, { a2: { k: "x" } }];
  await run("POST", "", { payload: { key: { sub: "x", array, sub2: {} } }, points: [1] });
  await run("POST", "", { payload: { sub: "y" }, points: [1], key: "key" });
  await run("POST", "", { payload: { sub3: "y" }, points: [1], key: "key.sub2" });
  await run("POST", "", { payload: { k: "y" }, points: [1], key: "key.array[0].a1" });
  await run("POST", "", { payload: { top: 1 }, points: [1], key: null });
  await run("POST", "", { payload: { new: "x" }, points: [1], key: "key.sub7" });
  const after = {
    key: {
      sub: "y",
      array: [{ a1: { k: "y" } }, { a2: { k: "x" } }],
      sub2: { sub3: "y" },
      sub7: { new: "x" },
    },
    top: 1,
  };
  expect(await payload(1)).toEqual(after);
  await run("POST", "", { payload: { k: "z" }, points: [1], key: "key.array[].a2" });
  expect(await payload(1)).toMatchObject({ key: { array: [{ a2: { k: "z" } }, { a2: { k: "z" } }] } });
  for (let i = 0; i < 2; i++) {
    await run("POST", "", { payload: { key: "x" }, points: [9], key: "key" });
    expect(await payload(9)).toEqual({ key: { key: "x" } });
  }
  await run("POST", "/delete", { keys: ["key.array[].a2.k", "key.sub2"], points: [1] });
  expect(await payload(1)).toMatchObject({ key: { array: [{ a2: {} }, { a2: {} }] } });
  expect(await payload(1)).not.toHaveProperty("key.sub2");
});

test("by filter", async () => {
  await run("POST", "", { payload: { a: "x" }, points: [1, 2, 3] });
  const hasA = { must: [{ key: "a", match: { value: "x" } }] };
  await run("POST", "", { payload: { b: "y" }, filter: hasA });
  const hasB = { must: [{ key: "b", match: { value: "y" } }] };
  expect(await found(hasB)).toEqual([1, 2, 3]);
  await run("POST", "/delete", { keys: ["b"], filter: hasB });
  expect(await found(hasB)).toEqual([]);
});

test("field indexes follow every change", async () => {
  for (const field_name of ["a.x", "a.y", "nested.a.x", "nested.a.y"])
    await served.rest.result("PUT", "/collections/points/index?wait=true", {
      field_name,
      field_schema: "integer",
    });
  const index = { field_name: "text", field_schema: { type: "text", phrase_matching: true } };
  await served.rest.result("PUT", "/collections/points/index?wait=true", index);
  const whole = { a: { x: 1 }, nested: { a: { x: 1 } }, text: "one two" };
  await run("PUT", "", { payload: whole, points: [1] });
  const holds = (key: string): Promise<number[]> => found({ must: [{ key, match: { value: 1 } }] });
  const says = (phrase: string): Promise<number[]> => found({ must: [{ key: "text", match: { phrase } }] });
  expect([await holds("a.x"), await holds("nested.a.x"), await says("one two")]).toEqual([[1], [1], [1]]);
  await run("POST", "", { payload: { a: { y: 1 }, text: "two one" }, points: [1] });
  await run("POST", "", { payload: { a: { y: 1 } }, points: [1], key: "nested" });
  expect([await holds("a.x"), await holds("nested.a.x"), await says("one two")]).toEqual([[], [], []]);
  expect([await holds("a.y"), await holds("nested.a.y"), await says("two one")]).toEqual([[1], [1], [1]]);
  const upsert = (point: object): Promise<unknown> =>
    served.rest.result("PUT", `${at}?wait=true`, { points: [{ id: 1, vector: [1], ...point }] });
  await upsert({ payload: { key: { nested: 1 } } });
  expect(await payload(1)).toEqual({ key: { nested: 1 } });
  expect([await holds("a.y"), await says("two one")]).toEqual([[], []]);
  await upsert({});
  expect(await payload(1)).toEqual({});
});

test("is_empty after clearing, and after the index is made anew", async () => {
  const index = { field_name: "status", field_schema: { type: "keyword", on_disk: true } };
  const create = (): Promise<unknown> =>
    served.rest.result("PUT", "/collections/points/index?wait=true", index);
  const empty = (): Promise<number[]> => found({ must: [{ is_empty: { key: "status" } }] });
  await create();
  await run("PUT", "", { payload: { status: null }, points: [1] });
  await run("PUT", "", { payload: { status: "live" }, points: [9] });
  expect(await empty()).toEqual([1, 2, 3]);
  await run("POST", "/clear", { points: [1] });
  expect(await empty()).toEqual([1, 2, 3]);
  await served.rest.result("DELETE", "/collections/points/index/status?wait=true");
  await create();
  expect(await empty()).toEqual([1, 2, 3]);
});

test("a damaged path or an absent point changes nothing", async () => {
  for (const body of [
    { payload: { a: 1 }, points: [1], key: "a[" },
    { payload: 5, points: [1] },
    { payload: { a: 1 } },
    { payload: { a: 1 }, points: [1, 77] },
  ]) {
    const answer = await served.rest.call("POST", `${at}/payload?wait=true`, body);
    expect([body, answer.status >= 400 && answer.status < 500]).toEqual([body, true]);
    expect(await payload(1)).toEqual({});
  }
});
