/** Reads a database in every way that must agree. */
import type { Database } from "vicinal";
import type { Contents, Id, Payload, StoredPoint, Vector } from "./model.js";
import type { Found, Truth } from "./truth.js";
import { Violation } from "./truth.js";
import type { Random } from "./workload.js";

/** All that it holds, by scrolling. */
export async function read(database: Database): Promise<Found> {
  const { collections } = await database.getCollections();
  const { aliases } = await database.getAliases();
  const found = new Map<string, Contents>();
  for (const { name } of collections) found.set(name, await readCollection(database, name));
  return {
    collections: found,
    aliases: new Map(aliases.map(({ alias_name, collection_name }) => [alias_name, collection_name])),
  };
}

async function readCollection(database: Database, name: string): Promise<Contents> {
  const { config, payload_schema } = await database.getCollection(name);
  const { vectors, sparse_vectors } = config.params;
  const dense = !vectors ? [] : "size" in vectors ? [""] : Object.keys(vectors);
  const { points } = await database.scroll(name, { limit: 1000, with_vector: true, with_version: true });
  const read = points.map(({ id, vector, payload, version }) => ({
    ...pointOf(id as Id, vector, payload as Payload),
    version: version ?? undefined,
  }));
  return {
    points: new Map(read.map((point) => [String(point.id), point])),
    fields: new Set(Object.keys(payload_schema)),
    vectors: new Set([...dense, ...Object.keys(sparse_vectors ?? {})]),
  };
}

function pointOf(id: Id, vector: unknown, payload: Payload | null | undefined): StoredPoint {
  const isNamed =
    vector && typeof vector === "object" && !Array.isArray(vector) && !ArrayBuffer.isView(vector);
  const given = Object.entries(isNamed ? vector : vector ? { "": vector } : {});
  return {
    id,
    vectors: Object.fromEntries(given.map(([name, value]) => [name, plain(value)])),
    payload: payload ?? {},
  };
}

function plain(vector: unknown): Vector {
  if (vector && typeof vector === "object" && "indices" in vector) {
    const { indices, values } = vector as { indices: Iterable<number>; values: Iterable<number> };
    return { indices: [...indices], values: [...values] };
  }
  return [...(vector as Iterable<number>)];
}

/** Counts, filters and searches, held against the truth. */
export async function probe(database: Database, truth: Truth, random: Random): Promise<void> {
  for (const name of truth.view().keys()) {
    const { points } = truth.contents(name);
    const all = [...points.values()];
    const expect = (what: string, actual: unknown, expected: unknown) => {
      if (JSON.stringify(actual) !== JSON.stringify(expected))
        throw new Violation(
          `${name}: ${what}: found ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`,
        );
    };
    expect("count", (await database.count(name, { exact: true })).count, points.size);
    for (const [key, value] of [
      ["rank", Math.floor(random() * 6)],
      ["word", `w${Math.floor(random() * 4)}`],
    ] as const) {
      const { count } = await database.count(name, { filter: { must: [{ key, match: { value } }] } });
      expect(`count of ${key} ${value}`, count, all.filter(({ payload }) => payload[key] === value).length);
    }
    if (all.length === 0) continue;
    const { id, vectors } = all[Math.floor(random() * all.length)];
    for (const [using, query] of Object.entries(vectors)) {
      // A point's own vector is nearest to it only by distance.
      if (!Array.isArray(query) || using === "text") continue;
      for (const params of [{ exact: true }, { hnsw_ef: 256 }]) {
        const nearest = await database.query(name, { query, using, limit: 1, params });
        expect(
          `nearest to ${id} by "${using}"`,
          nearest.points.map((point) => point.id),
          [id],
        );
      }
    }
  }
}
