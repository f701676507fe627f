/** A sample of a server's collection in a database of this process, where the advisor can work without disturbing it. */
import type { Database } from "vicinal";
import {
  type CollectionInfo,
  type PointId,
  plainVectors,
  type Vector,
  type VectorSettings,
} from "../client.js";
import { UserError } from "../errors.js";
import { progress } from "../progress.js";
import type { RestClient } from "../rest-client.js";

/** As many as the advisor samples by default. */
const SAMPLE = 25_000;
const PAGE = 1000;

export interface SampleOptions {
  using?: string;
  sample?: number;
  signal: AbortSignal;
}

/**
 * All vectors are read and each is as likely to be kept as any other (reservoir sampling; Waterman's algorithm R, in Knuth
 * 1981). Resolves to the number of points that have the vector.
 */
export async function copySample(
  client: RestClient,
  database: Database,
  collection: string,
  { using = "", sample = SAMPLE, signal }: SampleOptions,
): Promise<number> {
  const info = await client.getCollection(collection);
  const settings = settingsOf(info, using);
  const total = info.points_count ?? 0;
  const bar = progress(`read ${collection}`);
  const kept: Vector[] = [];
  let seen = 0;
  let offset: PointId | null = null;
  try {
    do {
      if (signal.aborted) throw new UserError("stopped");
      const page = await client.scroll(collection, {
        limit: PAGE,
        offset,
        with_vector: using === "" ? true : [using],
        with_payload: false,
      });
      for (const point of page.points) {
        const vector = vectorOf(point.vector, using);
        if (vector === undefined) continue;
        const place = seen < sample ? seen : Math.floor(Math.random() * (seen + 1));
        if (place < sample) kept[place] = vector;
        seen++;
      }
      offset = page.next_page_offset ?? null;
      bar.update(seen, Math.max(total, seen));
    } while (offset !== null);
  } finally {
    bar.end();
  }
  // Without an index of its own: nothing else is built while candidates are measured.
  const { size, distance } = settings;
  await database.createCollection(collection, {
    vectors: { [using]: { size, distance, index: { type: "flat" } } },
  });
  for (let from = 0; from < kept.length; from += PAGE)
    await database.upsert(collection, {
      points: kept.slice(from, from + PAGE).map((vector, i) => ({
        id: from + i,
        vector: { [using]: vector },
      })),
    });
  return seen;
}

function settingsOf({ config }: CollectionInfo, using: string): VectorSettings {
  const vectors = config.params.vectors ?? {};
  const named = "size" in vectors && typeof vectors.size === "number" ? { "": vectors } : vectors;
  const settings = (named as Record<string, VectorSettings>)[using];
  if (settings) return settings;
  const names = Object.keys(named).map((name) => name || "the one without a name");
  throw new UserError(`there is no vector ${using || "without a name"}; there are: ${names.join(", ")}`);
}

function vectorOf(given: unknown, using: string): Vector | undefined {
  const vector = plainVectors(given);
  if (Array.isArray(vector)) return vector;
  return (vector as Record<string, number[]> | null | undefined)?.[using];
}
