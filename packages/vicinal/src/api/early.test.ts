/** A lazy database answers from its files while these are read into memory, and says the same before and after. */
import { beforeAll, describe, expect, test } from "vitest";
import { clusteredVectors } from "../index/fixtures.test.helper.js";
import type { Collection } from "../segment/collection.js";
import { MemoryDirectory } from "../storage/memory-directory.js";
import { Catalogue } from "./catalogue.js";
import { Engine } from "./engine.js";
import { onceOpen } from "./lazy.js";
import type { RawJson } from "./schema/index.js";

const DIMENSIONS = 32;
const COUNT = 4000;
const vectors = clusteredVectors(COUNT + 20, DIMENSIONS, "Euclid", 11);
const vector = (i: number) => vectors.slice(i * DIMENSIONS, (i + 1) * DIMENSIONS);

let whole: MemoryDirectory;

beforeAll(async () => {
  whole = MemoryDirectory.empty();
  const catalogue = await Catalogue.open(whole);
  const engine = new Engine(catalogue);
  await engine.createCollection("c", {
    vectors: { size: DIMENSIONS, distance: "Euclid" },
    optimizers_config: { indexing_threshold: 100 },
  });
  const points = Array.from({ length: COUNT }, (_, id) => ({
    id,
    vector: vector(id),
    payload: { group: id % 10 },
  }));
  await engine.upsert("c", { points });
  await engine.delete("c", { points: [1, 2, 3] });
  await catalogue.get("c").optimizer.settle({ everything: true });
  await catalogue.close();
}, 60_000);

/** Opened lazily, over a copy of the files. */
async function lazily(home: MemoryDirectory) {
  const catalogue = await Catalogue.open(home, { lazy: true });
  const engine = new Engine(catalogue);
  const ask = <T>(run: () => Promise<T> | T) => onceOpen(run) as Promise<T>;
  const isFilled = () => {
    const columns = catalogue
      .get("c")
      .state.segments()
      .map(({ vectors }) => vectors.get(""));
    return columns.every((column) => column?.memory !== undefined);
  };
  const collection = (): Collection => catalogue.get("c");
  return { catalogue, engine, ask, isFilled, collection };
}

async function copied(from: MemoryDirectory): Promise<MemoryDirectory> {
  const to = MemoryDirectory.empty();
  for (const path of await from.list()) {
    const writer = await to.create(path);
    await writer.append(await from.read(path, 0, (await from.size(path)) as number));
    await writer.sync();
    await writer.close();
  }
  return to;
}

/** The same files, with a byte of the first file of that kind changed. */
async function damagedAt(kind: string, place: number): Promise<MemoryDirectory> {
  const to = MemoryDirectory.empty();
  for (const path of await whole.list()) {
    const bytes = await whole.read(path, 0, (await whole.size(path)) as number);
    if (path.includes(`/${kind}-`)) bytes[Math.floor(bytes.length * place)] ^= 1;
    const writer = await to.create(path);
    await writer.append(bytes);
    await writer.sync();
    await writer.close();
  }
  return to;
}

const decoded = (payload: unknown) => JSON.parse(new TextDecoder().decode((payload as RawJson).bytes));
const ids = ({ points }: { points: { id: unknown }[] }) => points.map(({ id }) => id);

describe("answers of a lazy database", () => {
  test("are there before its vectors are in memory, and stay the same", async () => {
    const { catalogue, engine, ask, isFilled, collection } = await lazily(await copied(whole));
    const questions = Array.from({ length: 20 }, (_, i) => ({
      query: vector(COUNT + i),
      limit: 10,
      with_payload: true,
      ...(i % 2 ? { filter: { must: [{ key: "group", match: { value: 3 } }] } } : {}),
    }));
    const first = await ask(() => engine.query("c", questions[0]));
    expect(isFilled()).toBe(false);
    const early = [first];
    for (const question of questions.slice(1)) early.push(await engine.query("c", question));
    const counted = await engine.count("c", { exact: true });
    expect(counted.count).toBe(COUNT - 3);
    await collection().filled();
    expect(isFilled()).toBe(true);
    let same = 0;
    for (const [i, question] of questions.entries()) {
      const late = await engine.query("c", question);
      same += ids(late).filter((id) => ids(early[i]).includes(id)).length;
      for (const { payload } of early[i].points) expect(decoded(payload)).toHaveProperty("group");
    }
    expect(same / 200).toBeGreaterThan(0.97);
    const info = await engine.getCollection("c");
    expect(info.points_count).toBe(COUNT - 3);
    expect(info.indexed_vectors_count).toBe(COUNT);
    await catalogue.close();
  });

  test("see what is written meanwhile", async () => {
    const home = await copied(whole);
    const { catalogue, engine, ask, isFilled, collection } = await lazily(home);
    await ask(() => engine.delete("c", { points: [10] }));
    expect(isFilled()).toBe(false);
    await engine.upsert("c", { points: [{ id: 11, vector: vector(COUNT), payload: { group: 77 } }] });
    await engine.setPayload("c", { points: [12], payload: { group: 78 } });
    const look = async () => {
      expect(ids(await engine.query("c", { query: vector(10), limit: 3 }))).not.toContain(10);
      expect(ids(await engine.query("c", { query: vector(COUNT), limit: 1 }))).toEqual([11]);
      const [twelve] = await engine.retrieve("c", { ids: [12], with_vector: true });
      expect(decoded(twelve.payload)).toEqual({ group: 78 });
      expect(Array.from(twelve.vector as Float32Array)).toEqual(Array.from(vector(12)));
    };
    await look();
    await collection().filled();
    expect(isFilled()).toBe(true);
    await look();
    await catalogue.close();
    const again = await lazily(home);
    expect((await again.ask(() => again.engine.count("c", { exact: true }))).count).toBe(COUNT - 4);
    await again.catalogue.close();
  });

  test("end with the database, though files are still being read", async () => {
    const home = await copied(whole);
    for (let i = 0; i < 5; i++) {
      const { catalogue, engine, ask } = await lazily(home);
      await ask(() => engine.query("c", { query: vector(0), limit: 1 }));
      for (let turn = 0; turn < i; turn++) await new Promise((resolve) => setTimeout(resolve));
      await catalogue.close();
    }
  });

  test("name a damaged file of vectors, and go around a damaged index", async () => {
    const vectorsDamaged = await lazily(await damagedAt("vector", 0.3));
    const scan = { query: vector(0), limit: 1, params: { exact: true } };
    await expect(vectorsDamaged.ask(() => vectorsDamaged.engine.query("c", scan))).rejects.toMatchObject({
      code: "CORRUPTION",
      message: expect.stringContaining("vector-"),
    });
    await vectorsDamaged.collection().filled();
    await expect(vectorsDamaged.engine.query("c", scan)).rejects.toMatchObject({ code: "CORRUPTION" });
    await vectorsDamaged.catalogue.close();

    const { ask, engine, collection, catalogue } = await lazily(await damagedAt("index", 0.3));
    const found = await ask(() => engine.query("c", { query: vector(5), limit: 1 }));
    expect(ids(found)).toEqual([5]);
    await collection().filled();
    // It is built anew.
    await collection().optimizer.settle();
    expect((await engine.getCollection("c")).indexed_vectors_count).toBe(COUNT);
    expect(ids(await engine.query("c", { query: vector(6), limit: 1 }))).toEqual([6]);
    await catalogue.close();
  });
});
