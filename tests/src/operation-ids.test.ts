/** A write that is sent again under the same name, since its answer was lost, is answered again and not done again. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "@vicinal/server";
import { type Database, open } from "vicinal";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder: string;
let database: Database;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "vicinal-operations-"));
  database = await open(folder);
  await database.createCollection("c", { vectors: { size: 2, distance: "Dot" } });
});
afterEach(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

const named = (operationId: string) => database.engine.forRequest({ operationId });
const point = (n: number) => ({ points: [{ id: 1, vector: [1, 0], payload: { n } }] });
const payload = async () => (await database.retrieve("c", { ids: [1] }))[0].payload;

async function reopen(): Promise<void> {
  await database.close();
  database = await open(folder);
}

test("a repeated operation gets the first one's answer and changes nothing", async () => {
  const first = await named("a").upsert("c", point(1));
  await named("b").upsert("c", point(2));
  expect(await named("a").upsert("c", point(1))).toEqual(first);
  expect(await payload()).toEqual({ n: 2 });
});

test("the same operation twice at once is done once", async () => {
  const answers = await Promise.all([named("a").upsert("c", point(1)), named("a").upsert("c", point(2))]);
  expect(answers[1]).toEqual(answers[0]);
  expect(await payload()).toEqual({ n: 1 });
});

test("one that failed may be repeated", async () => {
  await expect(named("a").upsert("c", { points: [{ id: 1, vector: [1] }] })).rejects.toThrow();
  await named("a").upsert("c", point(3));
  expect(await payload()).toEqual({ n: 3 });
});

test("is known after a reopening, from the log and from the manifest", async () => {
  const first = await named("a").upsert("c", point(1));
  await reopen();
  await named("b").upsert("c", point(2));
  await reopen();
  expect(await named("a").upsert("c", point(1))).toEqual(first);
  expect(await payload()).toEqual({ n: 2 });
});

test("names are of a collection, and have 1 to 255 characters", async () => {
  await database.createCollection("d", { vectors: { size: 2, distance: "Dot" } });
  await named("a").upsert("c", point(1));
  await named("a").upsert("d", point(1));
  expect((await database.count("d", {})).count).toBe(1);
  expect(() => named("")).toThrow("1 to 255 characters");
  expect(() => named("x".repeat(256))).toThrow("1 to 255 characters");
});

test("over HTTP it is the header idempotency-key", async () => {
  const server = createServer({ database });
  const { url } = await server.listen({ port: 0, grpcPort: false });
  const put = async (n: number, key: string) => {
    const answer = await fetch(`${url}/collections/c/points`, {
      method: "PUT",
      headers: { "content-type": "application/json", "idempotency-key": key },
      body: JSON.stringify(point(n)),
    });
    return ((await answer.json()) as { result: unknown }).result;
  };
  try {
    const first = await put(1, "a");
    await put(2, "b");
    expect(await put(3, "a")).toEqual(first);
    expect(await payload()).toEqual({ n: 2 });
  } finally {
    await server.close();
  }
});
