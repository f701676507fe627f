/** The photos as points, one vector each, by which they are searched: features less their mean, which part photos better. */
import {
  createFor,
  type Embedder,
  type FillOptions,
  type FillReport,
  fill,
  lessMean,
  meanVector,
  type SourceItem,
} from "@vicinal/extract";
import type { Database } from "vicinal";

export const collection = "photos";

/** Fills the library from the source; what is there already is passed over. */
export async function fillLibrary(
  database: Database,
  source: () => AsyncIterable<SourceItem<Uint8Array>>,
  model: Embedder<Uint8Array>,
  options: FillOptions = {},
): Promise<FillReport> {
  if (!(await database.collectionExists(collection)).exists) {
    const mean = await meanVector(source(), model, { signal: options.signal });
    await createFor(database, collection, model, { metadata: { model: model.id, mean: Array.from(mean) } });
  }
  return fill(database, collection, source(), await centred(database, model), options);
}

/** The model less the library's mean, which is kept with the collection. */
export async function centred(
  database: Database,
  model: Embedder<Uint8Array>,
): Promise<Embedder<Uint8Array>> {
  const { metadata } = (await database.getCollection(collection)).config as unknown as {
    metadata: { model: string; mean: number[] };
  };
  if (metadata.model !== model.id)
    throw new Error(`the photos were embedded by ${metadata.model}, not by ${model.id}: take another folder`);
  return lessMean(model, metadata.mean);
}

export interface Similar {
  file: string;
  id: string;
  /** 1 - cosine: 0 for the same, 2 at most. */
  distance: number;
}

/** The photos most like a given one, which is any file. */
export async function similarTo(
  database: Database,
  model: Embedder<Uint8Array>,
  photo: Uint8Array,
  limit: number,
): Promise<Similar[]> {
  const { vectors, failures } = await (await centred(database, model)).embed([photo]);
  if (!vectors[0]) throw failures[0].error;
  return ask(database, Array.from(vectors[0]), limit);
}

/** The photos most like one of the library. */
export async function similarToStored(database: Database, id: string, limit: number): Promise<Similar[]> {
  return ask(database, id, limit);
}

async function ask(database: Database, query: string | number[], limit: number): Promise<Similar[]> {
  const { points } = await database.query(collection, { query, limit, with_payload: ["file"] });
  return points.map(({ id, score, payload }) => ({
    id: String(id),
    file: String(payload?.file),
    distance: 1 - score,
  }));
}

/** The photo as the database keeps it, as a page can hold it; undefined for one that it does not keep. */
export async function photoOf(database: Database, id: string): Promise<string | undefined> {
  const [point] = await database.retrieve(collection, {
    ids: [id],
    with_payload: false,
    with_blobs: { names: ["photo"], inline: true },
  });
  const photo = point?.blobs?.photo;
  return photo && `data:${photo.type};base64,${photo.base64}`;
}

/** Groups of photos that are nearly the same, biggest first. */
export async function nearDuplicates(database: Database, distance: number): Promise<string[][]> {
  const found = await database.analyze(collection, { duplicates: { max_distance: distance } });
  if (!("groups" in found)) return [];
  const groups: string[][] = [];
  for (const { ids } of found.groups) {
    const points = await database.retrieve(collection, { ids, with_payload: ["file"] });
    groups.push(points.map(({ payload }) => String(payload?.file)).sort());
  }
  return groups;
}
