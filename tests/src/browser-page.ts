/** What runs in the page: the engine as a user's bundle holds it. Returns what it saw to browser.test.ts. */
import { open, VicinalError } from "vicinal";
import { random } from "./kill-workload.js";

export interface Seen {
  isolated: boolean;
  points: number;
  indexed: number;
  /** Ids as the database and as a scan in plain JavaScript find them. */
  exact: { found: unknown[]; expected: number[] };
  filtered: { found: unknown[]; expected: number[] };
  /** Share of the true neighbours that the index finds. */
  recall: number;
  refused: Record<string, string>;
}

/** With these dimensions an index is too large to be built on the page's own thread, where there are others. */
const DIMENSIONS = 64;
const COUNT = 2000;
const K = 10;
const COLLECTION = "points";

async function run(): Promise<Seen> {
  const next = random(20261122);
  const vector = () => Float32Array.from({ length: DIMENSIONS }, () => next() - 0.5);
  const points = Array.from({ length: COUNT }, (_, id) => ({
    id,
    vector: vector(),
    payload: { part: id % 10 },
  }));

  const scan = (query: Float32Array, matches: (id: number) => boolean): number[] => {
    const distance = (id: number) => points[id].vector.reduce((sum, x, i) => sum + (x - query[i]) ** 2, 0);
    const found = points.filter(({ id }) => matches(id)).map(({ id }) => ({ id, distance: distance(id) }));
    return found
      .sort((a, b) => a.distance - b.distance)
      .slice(0, K)
      .map(({ id }) => id);
  };

  const database = await open(":memory:");
  await database.createCollection(COLLECTION, {
    vectors: { size: DIMENSIONS, distance: "Euclid" },
    optimizers_config: { indexing_threshold: 16 },
  });
  await database.createPayloadIndex(COLLECTION, { field_name: "part", field_schema: "integer" });
  for (let from = 0; from < COUNT; from += 500)
    await database.upsert(COLLECTION, { points: points.slice(from, from + 500) });

  const query = vector();
  const idsOf = ({ points }: { points: { id: unknown }[] }) => points.map(({ id }) => id);
  const search = async (args: object) =>
    idsOf(await database.query(COLLECTION, { query, limit: K, ...args }));
  const filter = { must: [{ key: "part", match: { value: 3 } }] };
  const exact = { found: await search({ params: { exact: true } }), expected: scan(query, () => true) };
  const filtered = { found: await search({ filter }), expected: scan(query, (id) => id % 10 === 3) };

  await database.waitForIndex(COLLECTION, { everything: true });
  let hits = 0;
  const queries = Array.from({ length: 50 }, vector);
  for (const query of queries) {
    const found = new Set(await search({ query, params: { recall: 0.95 } }));
    for (const id of scan(query, () => true)) if (found.has(id)) hits++;
  }
  const info = await database.getCollection(COLLECTION);
  const refused = {
    nan: await refusal(database.upsert(COLLECTION, { points: [{ id: 1, vector: [Number.NaN] }] })),
    folder: await refusal(open("./data")),
  };
  await database.close();
  return {
    isolated: crossOriginIsolated,
    points: info.points_count ?? 0,
    indexed: info.indexed_vectors_count ?? 0,
    exact,
    filtered,
    recall: hits / (queries.length * K),
    refused,
  };
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const reason = await promise.then(
    () => "accepted",
    (error: unknown) => error,
  );
  return reason instanceof VicinalError ? reason.code : String(reason);
}

Object.assign(globalThis, { seen: run() });
