/** Three searches with their times and their recall, and how to ask the same from outside. */
import type { Database } from "vicinal";
import { collection, sampleSize } from "./sample.js";

/** Words to look around, by their ids (ranks) in the sample. */
const examples = [
  { word: "coffee", id: 3230 },
  { word: "violin", id: 10_124 },
  { word: "paris", id: 966 },
];

const limit = 8;

/** The recall that the searches ask for. */
const recall = 0.95;

/** Each search is timed this often; the median counts. */
const repeats = 21;

/** Words whose searches are compared with the exact scan. */
const checks = 100;

interface Hit {
  id: number | bigint | string;
  payload?: Record<string, unknown> | null;
}

export async function printSearches(database: Database): Promise<void> {
  console.log("");
  for (const { word, id } of examples) {
    const search = { query: id, limit, params: { recall }, with_payload: true };
    const times: number[] = [];
    let hits: Hit[] = [];
    for (let i = 0; i < repeats; i += 1) {
      const started = performance.now();
      hits = (await database.query(collection, search)).points;
      times.push(performance.now() - started);
    }
    const exact = await database.query(collection, { ...search, params: { exact: true } });
    const time = times.sort((a, b) => a - b)[repeats >> 1];
    const near = hits.map(({ payload }) => payload?.word).join(", ");
    console.log(`${word.padEnd(7)} ${near}`);
    console.log(`        ${time.toFixed(2)} ms, recall ${share(hits, exact.points).toFixed(2)}`);
  }
  const mean = await meanRecall(database);
  console.log(
    `\nrecall@10 of ${checks} words against the exact scan: ${mean.toFixed(3)} (asked for: ${recall})`,
  );
}

/** Words spread evenly over the sample. */
async function meanRecall(database: Database): Promise<number> {
  let sum = 0;
  for (let i = 0; i < checks; i += 1) {
    const query = Math.floor(((i + 0.5) * sampleSize) / checks);
    const found = await database.query(collection, { query, limit: 10, params: { recall } });
    const exact = await database.query(collection, { query, limit: 10, params: { exact: true } });
    sum += share(found.points, exact.points);
  }
  return sum / checks;
}

/** Share of the exact hits that were found. */
function share(found: Hit[], exact: Hit[]): number {
  const ids = new Set(exact.map(({ id }) => id));
  return found.filter(({ id }) => ids.has(id)).length / exact.length;
}

export function printUsage(address: string, data: string): void {
  const { word, id } = examples[0];
  const body = `{"query": ${id}, "limit": ${limit}, "params": {"recall": ${recall}}, "with_payload": true}`;
  console.log(`
Vicinal answers at ${address} (Ctrl-C ends it). Words near "${word}" (point ${id}), with curl:

  curl -s ${address}/collections/${collection}/points/query \\
    -H 'content-type: application/json' \\
    -d '${body}'

The same in TypeScript, without a server (one process at a time holds the folder, so end this one first):

  import { open } from "vicinal";

  const client = await open(${JSON.stringify(data)});
  const { points } = await client.query("${collection}", {
    query: ${id}, limit: ${limit}, params: { recall: ${recall} }, with_payload: true,
  });
  console.log(points.map(({ payload }) => payload.word));`);
}
