/** What the tests of damage and of repair share: a database with files of every kind, and ways to damage a file. */
import { readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import type { Database } from "vicinal";
import { random } from "./kill-workload.js";

const DIMENSIONS = 16;
export const POINTS = 600;
export const names = ["damaged", "other"];
export const vectorFor = (seed: number) => {
  const next = random(seed);
  return Array.from({ length: DIMENSIONS }, () => Math.fround(next() - 0.5));
};
export const wordsFor = (id: number) => ({ indices: [id % 13, 20 + (id % 29)], values: [1, 2] });
export const pointFor = (id: number) => ({
  id,
  vector: { "": vectorFor(id), words: wordsFor(id) },
  payload: {
    rank: id % 7,
    word: `w${id % 5}`,
    even: id % 2 === 0,
    day: `2020-01-0${1 + (id % 9)}`,
    place: { lon: id % 90, lat: id % 45 },
    text: `number ${id % 11} of many`,
  },
});

/** Two collections with files of every kind: sealed and indexed rows, patches, deletes, and a log behind them. */
export async function fill(database: Database): Promise<void> {
  for (const name of names) {
    await database.createCollection(name, {
      vectors: { size: DIMENSIONS, distance: "Euclid" },
      sparse_vectors: { words: { modifier: "idf" } },
      optimizers_config: { indexing_threshold: 1 },
    });
    await database.createPayloadIndex(name, { field_name: "rank", field_schema: "integer" });
    await database.createPayloadIndex(name, { field_name: "word", field_schema: "keyword" });
    await database.createPayloadIndex(name, { field_name: "even", field_schema: "bool" });
    await database.createPayloadIndex(name, { field_name: "day", field_schema: "datetime" });
    await database.createPayloadIndex(name, { field_name: "place", field_schema: "geo" });
    await database.createPayloadIndex(name, { field_name: "text", field_schema: "text" });
    await database.upsert(name, { points: Array.from({ length: POINTS }, (_, id) => pointFor(id)) });
    await database.waitForIndex(name, { everything: true });
    await database.delete(name, { points: [3, 33, 303] });
    await database.setPayload(name, { points: [4, 44, 404], payload: { word: "patched", rank: 100 } });
  }
}

/** Writes that stay in the log, since a growing segment has no files. */
export async function writeMore(database: Database): Promise<void> {
  for (const name of names)
    for (let id = 1000; id < 1010; id++) await database.upsert(name, { points: [pointFor(id)] });
}

/** All that a collection answers: its points, filters by each field, and searches with and without the index. */
export async function answers(database: Database, name: string): Promise<unknown> {
  const { points } = await database.scroll(name, { limit: 10_000, with_vector: true });
  const counts = [];
  for (const [key, value] of [
    ["rank", 3],
    ["rank", 100],
    ["word", "w1"],
    ["word", "patched"],
    ["even", true],
  ] as const)
    counts.push(await database.count(name, { filter: { must: [{ key, match: { value } }] } }));
  const searches = [];
  for (let seed = 5000; seed < 5005; seed++)
    for (const params of [{ exact: true }, { hnsw_ef: 2 * POINTS }])
      searches.push(
        (await database.query(name, { query: vectorFor(seed), limit: 5, params })).points.map(({ id }) => id),
      );
  searches.push((await database.query(name, { query: wordsFor(3), using: "words", limit: POINTS })).points);
  return JSON.parse(
    JSON.stringify({ points, counts, searches }, (_, value) =>
      value instanceof Float32Array ? [...value] : value,
    ),
  );
}

export async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

async function flip(path: string, share: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[Math.min(bytes.length - 1, Math.floor(bytes.length * share))] ^= 0x10;
  await writeFile(path, bytes);
}

async function cut(path: string, share: number): Promise<void> {
  await truncate(path, Math.floor((await readFile(path)).length * share));
}

export const damages: Record<string, (path: string) => Promise<void>> = {
  "its first byte flipped": (path) => flip(path, 0),
  "a byte in its first part flipped": (path) => flip(path, 0.2),
  "its middle byte flipped": (path) => flip(path, 0.5),
  "a byte in its last part flipped": (path) => flip(path, 0.9),
  "its last byte flipped": (path) => flip(path, 1),
  "its second half cut off": (path) => cut(path, 0.5),
  "its end cut off": (path) => cut(path, 0.95),
  "nothing in it": (path) => cut(path, 0),
  "been deleted": (path) => rm(path),
};

/** What a file holds, by its name: `log`, `manifest`, `rows`, ... */
export const kindOf = (file: string) => basename(file).split("-")[0];
