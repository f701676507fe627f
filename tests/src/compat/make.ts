/**
 * Makes a data folder for tests/compat: `node tests/dist/compat/make.js <name>`, for example `2026-11`. It holds files of every
 * kind, a log with every form of record, and a snapshot. Beside it stands what a database says of it.
 */
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Database, open } from "vicinal";
import { familyNames } from "vicinal/protocol";
import { random } from "../kill-workload.js";
import { contentOf } from "./content.js";

const DIMENSIONS = 8;
const POINTS = 64;

/** Whole 64ths: short in JSON, and exact whatever the order of sums. */
const vectorFor = (seed: number, size = DIMENSIONS) => {
  const next = random(seed);
  return Array.from({ length: size }, () => Math.floor(next() * 128 - 64) / 64);
};
const uuidFor = (id: number) => `00000000-0000-4000-8000-${String(id).padStart(12, "0")}`;
const pointFor = (id: number) => ({
  id: id % 8 === 7 ? uuidFor(id) : id,
  vector: {
    dense: vectorFor(id).map((x) => x / 3),
    bytes: vectorFor(id).map((x) => Math.round(x * 64 + 64)),
    some: id % 3 === 0 ? vectorFor(id + 1000, 4) : vectorFor(id + 2000, 4).map((x) => x / 7),
    many: [vectorFor(id, 4), vectorFor(id + 1, 4)].slice(id % 2),
    words: { indices: [id % 5, 10 + (id % 7)], values: [1, 0.5] },
  },
  payload: {
    integer: id,
    float: id / 3,
    keyword: `k${id % 4}`,
    bool: id % 2 === 0,
    datetime: `2020-01-${String(1 + (id % 28)).padStart(2, "0")}T00:00:00Z`,
    geo: { lon: id % 90, lat: id % 45 },
    text: `number ${id % 11} of many`,
    uuid: uuidFor(id % 6),
    nested: { list: [id % 3, { deep: id % 2 }] },
  },
});
const fields = ["integer", "float", "keyword", "bool", "datetime", "geo", "text", "uuid"] as const;

/** Far beyond any reading of the data, and over before it is first read. */
const lives = { long: 1e11, short: 0.001 };

/** Files of every kind but those of other families; then a log with every effect. */
async function makeEverything(database: Database): Promise<void> {
  const name = "everything";
  await database.createCollection(name, {
    vectors: {
      dense: { size: DIMENSIONS, distance: "Cosine" },
      bytes: { size: DIMENSIONS, distance: "Euclid" },
      some: { size: 4, distance: "Dot" },
      many: { size: 4, distance: "Cosine", multivector_config: { comparator: "max_sim" } },
    },
    sparse_vectors: { words: { modifier: "idf" } },
    optimizers_config: { indexing_threshold: 1 },
  });
  for (const field of fields)
    await database.createPayloadIndex(name, { field_name: field, field_schema: field });
  const points = Array.from({ length: POINTS }, (_, id) => pointFor(id));
  for (const point of points)
    if (Number(point.payload.integer) % 5 === 4) delete (point.vector as { some?: unknown }).some;
  const expiring = [...lasting(300, lives.long), ...lasting(310, lives.short)];
  await database.upsert(name, { points: [...points, ...expiring] });
  await database.waitForIndex(name, { everything: true });
  // The next checkpoint writes them as deletes and a patch.
  await named(database, "saved").delete(name, { points: [3, 33] });
  await database.setPayload(name, { points: [4, 44], payload: { keyword: "patched" } });
  await database.waitForIndex(name, { everything: true });
}

const named = (database: Database, operationId: string) => database.engine.forRequest({ operationId });

function lasting(first: number, ttl_seconds: number) {
  return [first, first + 1].map((id) => ({ ...pointFor(id), ttl_seconds }));
}

async function fillLog(database: Database): Promise<void> {
  const name = "everything";
  await database.upsert(name, { points: [100, 101, 102, 103, 104].map(pointFor) });
  await database.upsert(name, { points: [...lasting(400, lives.long), ...lasting(410, lives.short)] });
  await database.updateVectors(name, { points: [{ id: 1, vector: { dense: vectorFor(500) } }] });
  await database.deleteVectors(name, { points: [2], vector: ["some"] });
  await database.setPayload(name, { points: [100], payload: { more: 1 }, key: "nested" });
  await database.overwritePayload(name, { points: [101], payload: { only: "this" } });
  await database.deletePayload(name, { points: [102], keys: ["float", "nested.list"] });
  await named(database, "logged").clearPayload(name, { points: [100 + 4] });
  await database.delete(name, { points: [5, 6] });
  await database.createPayloadIndex(name, { field_name: "only", field_schema: "keyword" });
  await database.deletePayloadIndex(name, "float");
  await database.createVectorName(name, "late", { dense: { size: 2, distance: "Dot" } });
  await database.updateVectors(name, { points: [{ id: 1, vector: { late: [1, 2] } }] });
  await database.updateCollection(name, { optimizers_config: { default_segment_number: 1 } });
}

async function makeFamilies(database: Database): Promise<void> {
  for (const type of familyNames) {
    await database.createCollection(`family-${type}`, {
      vectors: { size: DIMENSIONS, distance: "Euclid", index: { type } },
      optimizers_config: { indexing_threshold: 1 },
    });
    const points = Array.from({ length: POINTS }, (_, id) => ({ id, vector: vectorFor(id) }));
    await database.upsert(`family-${type}`, { points });
    await database.waitForIndex(`family-${type}`, { everything: true });
  }
}

const codes = {
  scalar: { scalar: { type: "int8" } },
  product: { product: { compression: "x4" } },
  binary: { binary: {} },
  turbo: { turbo: { bits: "bits2" } },
} as const;

/** A graph over each kind of code, and vectors of the other types, the collection's points with a time to live. */
async function makeCodes(database: Database): Promise<void> {
  const make = async (name: string, vector: object, more: object) => {
    await database.createCollection(name, {
      vectors: { size: DIMENSIONS, distance: "Euclid", ...vector },
      optimizers_config: { indexing_threshold: 1 },
      ttl: { seconds: lives.long },
      ...more,
    });
    const points = Array.from({ length: POINTS }, (_, id) => ({
      id,
      vector: vectorFor(id).map((x) => Math.round(x * 64 + 64)),
    }));
    await database.upsert(name, { points });
    await database.waitForIndex(name, { everything: true });
  };
  for (const [code, quantization_config] of Object.entries(codes))
    await make(`code-${code}`, {}, { quantization_config });
  for (const datatype of ["float16", "uint8"]) await make(`type-${datatype}`, { datatype }, {});
}

const [name] = process.argv.slice(2);
if (!/^\d{4}-\d{2}[a-z]?$/.test(name ?? ""))
  throw new Error("expected the name of a version, such as 2026-11");
const folder = resolve("tests/compat", name);
await mkdir(folder);
const data = join(folder, "data");
let database = await open(data);
await makeEverything(database);
await makeFamilies(database);
await makeCodes(database);
await database.updateCollectionAliases({
  actions: [{ create_alias: { alias_name: "all", collection_name: "everything" } }],
});
const { everything } = await contentOf(database);
await database.createSnapshot("everything");
await database.close();
database = await open(data);
// Closed at once: where writes rest, what they wrote is saved, and the log gets shorter.
await fillLog(database);
await database.close();
const copy = await mkdtemp(join(tmpdir(), "vicinal-compat-"));
await cp(data, copy, { recursive: true });
database = await open(copy);
const content = await contentOf(database);
await database.close();
await rm(copy, { recursive: true });
const write = (file: string, value: object) => writeFile(join(folder, file), `${JSON.stringify(value)}\n`);
await write("content.json", content);
await write("snapshot.json", everything);
