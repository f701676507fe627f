/**
 * From a source of items to points: what is new or changed is loaded, embedded and stored, batch by batch.
 *
 * A point's id follows from the item's key, and the point keeps the item's key and version. So a run that was stopped
 * anywhere is resumed by running it again: what is stored in its present version is passed over, a batch that was
 * in flight is stored whole or not at all, and nothing is stored twice.
 */
import type { VicinalError } from "vicinal";

/** Where points go: a `Database`, or anything that has these of its methods. */
export interface PointStore {
  retrieve(
    collection: string,
    request: { ids: string[]; with_payload: string[] },
  ): Promise<readonly { id: unknown; payload?: Record<string, unknown> | null }[]>;
  upsert(collection: string, request: { points: StoredPoint[] }): Promise<unknown>;
  /** For `prune` alone, as is `delete`. */
  scroll?(
    collection: string,
    request: { limit: number; with_payload: boolean; offset?: string },
  ): Promise<{ points: readonly { id: unknown }[]; next_page_offset?: unknown }>;
  delete?(collection: string, request: { points: string[] }): Promise<unknown>;
}

export interface StoredPoint {
  id: string;
  vector: Float32Array | Record<string, Float32Array>;
  payload: Record<string, unknown>;
}

/** Where collections are made: a `Database`, or anything that has these of its methods. */
export interface CollectionMaker {
  collectionExists(name: string): Promise<{ exists: boolean }>;
  createCollection(
    name: string,
    settings: {
      vectors: VectorParams | Record<string, VectorParams>;
      metadata: Record<string, unknown>;
    },
  ): Promise<unknown>;
}

interface VectorParams {
  size: number;
  distance: "Cosine" | "Dot" | "Euclid" | "Manhattan";
}

/** Turns items into vectors. */
export interface Embedder<Item> {
  /** Name and version: other vectors, other id. */
  readonly id: string;
  readonly dimensions: number;
  /** One vector an item, in order; undefined for those that failed, which are listed. */
  embed(
    items: readonly Item[],
    options?: { signal?: AbortSignal },
  ): Promise<{ vectors: (Float32Array | undefined)[]; failures: { index: number; error: Error }[] }>;
}

export interface SourceItem<Item> {
  /** Names the item among all of the collection, such as a relative path; the point's id follows from it. */
  key: string;
  /** Another one whenever the item's content is: a digest, or size and time of a file. */
  version: string;
  load(): Promise<Item>;
  /** Kept beside `key`, `version` and `model`. */
  payload?: Record<string, unknown>;
  /** What the point keeps of the item itself (docs/originals.md): by name, bytes and their media type. */
  blobs?(content: Item): Record<string, { type: string; bytes: Uint8Array }>;
}

export interface FillOptions {
  /** Named vector that is filled; default the one without a name. */
  using?: string;
  /** Items embedded and stored at a time; default 32. */
  batchSize?: number;
  /** Deletes points whose item the source does not have any more. Default false. */
  prune?: boolean;
  /** Ends the run between two batches; what is stored stays. */
  signal?: AbortSignal;
  /** After each batch. */
  onProgress?: (report: Readonly<FillReport>) => void;
}

export interface Failure {
  key: string;
  error: Error;
}

export interface FillReport {
  /** Items that the source had so far. */
  seen: number;
  /** Of these: stored now, stored before in the same version, failed. */
  stored: number;
  unchanged: number;
  failed: Failure[];
  /** Points that went because their items had. */
  pruned: number;
  /** Items loaded and embedded per second of the whole run. */
  itemsPerSecond: number;
}

export interface CreateForOptions {
  /** Default Cosine, which most models are made for. */
  metric?: "Cosine" | "Dot" | "Euclid" | "Manhattan";
  /** Default: the vector without a name. */
  using?: string;
  /** Kept with the collection. */
  metadata?: Record<string, unknown>;
}

/** Creates the collection for what the model makes, if there is none of that name. */
export async function createFor(
  database: CollectionMaker,
  collection: string,
  { dimensions }: Pick<Embedder<unknown>, "dimensions">,
  { metric = "Cosine", using = "", metadata = {} }: CreateForOptions = {},
): Promise<void> {
  if ((await database.collectionExists(collection)).exists) return;
  const params = { size: dimensions, distance: metric };
  await database.createCollection(collection, {
    vectors: using === "" ? params : { [using]: params },
    metadata,
  });
}

/**
 * Fills the collection from the source. An item that cannot be loaded or embedded is listed and tried again by the next run; the
 * others go on. Rejects with CANCELLED's reason when the signal is aborted, and with what the database refuses.
 */
export async function fill<Item>(
  database: PointStore,
  collection: string,
  source: AsyncIterable<SourceItem<Item>> | Iterable<SourceItem<Item>>,
  model: Embedder<Item>,
  options: FillOptions = {},
): Promise<FillReport> {
  const { batchSize = 32, signal, onProgress } = options;
  const started = performance.now();
  const report: FillReport = {
    seen: 0,
    stored: 0,
    unchanged: 0,
    failed: [],
    pruned: 0,
    itemsPerSecond: 0,
  };
  const seen = new Set<string>();
  for await (const batch of batches(source, batchSize)) {
    signal?.throwIfAborted();
    const ids = await Promise.all(batch.map(({ key }) => idOf(key)));
    if (options.prune) for (const id of ids) seen.add(id);
    await store(database, collection, batch, ids, model, options, report);
    report.seen += batch.length;
    report.itemsPerSecond = (report.stored + report.failed.length) / ((performance.now() - started) / 1000);
    onProgress?.(report);
  }
  if (options.prune) report.pruned = await prune(database, collection, seen, signal);
  return report;
}

async function store<Item>(
  database: PointStore,
  collection: string,
  batch: SourceItem<Item>[],
  ids: string[],
  model: Embedder<Item>,
  { using = "", signal }: FillOptions,
  report: FillReport,
): Promise<void> {
  const known = new Map(
    (await database.retrieve(collection, { ids, with_payload: ["version", "model"] })).map(
      ({ id, payload }) => [String(id), payload],
    ),
  );
  const wanted = batch
    .map((item, i) => ({ item, id: ids[i] }))
    .filter(({ item, id }) => {
      const stored = known.get(id);
      return stored?.version !== item.version || stored?.model !== model.id;
    });
  report.unchanged += batch.length - wanted.length;
  const loaded: { item: SourceItem<Item>; id: string; content: Item }[] = [];
  for (const { item, id } of wanted) {
    try {
      loaded.push({ item, id, content: await item.load() });
    } catch (reason) {
      report.failed.push({ key: item.key, error: asError(reason) });
    }
  }
  if (loaded.length === 0) return;
  const { vectors, failures } = await model.embed(
    loaded.map(({ content }) => content),
    { signal },
  );
  for (const { index, error } of failures) report.failed.push({ key: loaded[index].item.key, error });
  const points = loaded.flatMap(({ item, id, content }, i) => {
    const vector = vectors[i];
    if (!vector) return [];
    const { key, version, payload } = item;
    return [
      {
        id,
        vector: using === "" ? vector : { [using]: vector },
        payload: { ...payload, key, version, model: model.id },
        ...(item.blobs ? { blobs: item.blobs(content) } : {}),
      },
    ];
  });
  if (points.length > 0) await database.upsert(collection, { points });
  report.stored += points.length;
}

async function* batches<T>(source: AsyncIterable<T> | Iterable<T>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of source) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Deletes the points that are not among `seen`. */
async function prune(
  database: PointStore,
  collection: string,
  seen: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (!database.scroll || !database.delete)
    throw new TypeError("prune: the store can neither be scrolled nor deleted from");
  let pruned = 0;
  let offset: unknown;
  do {
    signal?.throwIfAborted();
    const page = await database.scroll(collection, {
      limit: 1000,
      with_payload: false,
      ...(offset === undefined || offset === null ? {} : { offset: offset as string }),
    });
    const gone = page.points.map(({ id }) => id as string).filter((id) => !seen.has(String(id)));
    if (gone.length > 0) await database.delete(collection, { points: gone });
    pruned += gone.length;
    offset = page.next_page_offset;
  } while (offset !== undefined && offset !== null);
  return pruned;
}

/** The id of the point of that key: a UUID (version 8) of the key's SHA-256. */
export async function idOf(key: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key)));
  digest[6] = (digest[6] & 0x0f) | 0x80;
  digest[8] = (digest[8] & 0x3f) | 0x80;
  const hex = Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function asError(reason: unknown): Error | VicinalError {
  return reason instanceof Error ? reason : new Error(String(reason));
}
