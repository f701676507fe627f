/** What the commands ask of a database: the same methods in the process and over HTTP. */
import { existsSync } from "node:fs";
import type { MemoryTree, QueryExplanation, SnapshotArchive, SnapshotDescription } from "vicinal/protocol";
import { UserError } from "./errors.js";
import type { Task } from "./progress.js";
import { RestClient } from "./rest-client.js";

export type { SnapshotDescription };

/** An unsigned 64-bit integer (bigint beyond 2^53 - 1) or a UUID. */
export type PointId = number | bigint | string;

/** Dense. */
export type Vector = Float32Array | number[];

export interface SparseVector {
  indices: number[];
  values: number[];
}

/** Dense, sparse, or many dense ones in one. */
export type StoredVector = Vector | SparseVector | Vector[];

export interface Point {
  id: PointId;
  /** One vector, or named ones; sparse ones have a name. */
  vector: Vector | Vector[] | Record<string, StoredVector>;
  payload?: Record<string, unknown>;
  /** By name, as they are written: their bytes as base64. */
  blobs?: Record<string, { type: string; base64: string }>;
}

/** Vectors as JSON can say them. */
export function plainVectors(vector: unknown): unknown {
  if (ArrayBuffer.isView(vector)) return Array.from(vector as Float32Array);
  if (Array.isArray(vector)) return typeof vector[0] === "number" ? vector : vector.map(plainVectors);
  if (typeof vector !== "object" || vector === null) return vector;
  return Object.fromEntries(Object.entries(vector).map(([name, one]) => [name, plainVectors(one)]));
}

export type Distance = "Cosine" | "Dot" | "Euclid" | "Manhattan";

export type VectorSettings = { size: number; distance: Distance };

/** What a collection is made with. */
export interface NewCollection {
  vectors: NewVector | Record<string, NewVector>;
  sparse_vectors?: Record<string, Record<string, never>>;
}

export type NewVector = VectorSettings & { multivector_config?: { comparator: "max_sim" } };

export interface CollectionInfo {
  status: string;
  points_count?: number | null;
  indexed_vectors_count?: number | null;
  segments_count: number;
  config: { params: { vectors?: VectorSettings | Record<string, VectorSettings> | null } };
}

export interface QueryRequest {
  query: Vector | PointId;
  using?: string;
  limit: number;
  filter?: Record<string, unknown>;
  params?: { effort?: number; hnsw_ef?: number; exact?: boolean; recall?: number; explain?: boolean };
  with_payload: boolean;
  with_vector: boolean;
}

export interface ScoredPoint {
  id: PointId;
  score: number;
  payload?: Record<string, unknown> | null;
  vector?: unknown;
  blobs?: Record<string, { type: string }> | null;
}

export interface ScrollRequest {
  limit: number;
  offset?: PointId | null;
  filter?: Record<string, unknown>;
  with_payload: boolean;
  /** Default: none. */
  with_vector?: boolean | string[];
  with_blobs?: boolean;
}

export interface ScrollAnswer {
  points: Omit<ScoredPoint, "score">[];
  next_page_offset?: PointId | null;
}

export interface QueryAnswer {
  points: ScoredPoint[];
  explain?: QueryExplanation | null;
}

export interface Client {
  getCollections(): Promise<{ collections: { name: string }[] }>;
  collectionExists(name: string): Promise<{ exists: boolean }>;
  getCollection(name: string): Promise<CollectionInfo>;
  /** Where the memory of the process that serves goes. */
  explainMemory(): Promise<MemoryTree>;
  createCollection(name: string, settings: NewCollection): Promise<boolean>;
  upsert(name: string, request: { wait: boolean; points: Point[] }): Promise<unknown>;
  retrieve(
    name: string,
    request: { ids: string[]; with_payload: string[] },
  ): Promise<{ id: PointId; payload?: Record<string, unknown> | null }[]>;
  delete(name: string, request: { wait: boolean; points: string[] }): Promise<unknown>;
  query(name: string, request: QueryRequest): Promise<QueryAnswer>;
  scroll(name: string, request: ScrollRequest): Promise<ScrollAnswer>;
  putBlob(
    name: string,
    id: PointId,
    blob: string,
    content: { type: string; bytes: Uint8Array },
  ): Promise<unknown>;
  getBlob(name: string, id: PointId, blob: string): Promise<{ bytes: AsyncIterable<Uint8Array> }>;
  /** Resolves when the collection's index holds all points; at once where the server sees to that itself. */
  waitForIndex(
    name: string,
    options: { progress?: (task: Task) => void; signal?: AbortSignal },
  ): Promise<void>;
  createSnapshot(name: string): Promise<SnapshotDescription>;
  listSnapshots(name: string): Promise<SnapshotDescription[]>;
  deleteSnapshot(name: string, snapshot: string): Promise<boolean>;
  downloadSnapshot(name: string, snapshot: string): Promise<Archive>;
  createFullSnapshot(): Promise<SnapshotDescription>;
  listFullSnapshots(): Promise<SnapshotDescription[]>;
  deleteFullSnapshot(snapshot: string): Promise<boolean>;
  downloadFullSnapshot(snapshot: string): Promise<Archive>;
  close(): Promise<void>;
}

/** A snapshot's bytes, and how many they are. */
export type Archive = AsyncIterable<Uint8Array> & Pick<SnapshotArchive, "size">;

/** Where the database is: exactly one of the two. */
export interface Target {
  data?: string;
  url?: string;
}

export const defaultData = "./data";

/** What is done to a data folder: read, even while another process holds it; written to; or made where it is absent. */
export type Access = "read" | "write" | "make";

export async function connect({ data, url }: Target, access: Access): Promise<Client> {
  if (data !== undefined && url !== undefined) throw new UserError("give --data or --url, not both");
  if (url !== undefined) return new RestClient(url);
  const folder = data ?? defaultData;
  if (access !== "make" && !existsSync(folder))
    throw new UserError(`there is no data folder ${folder}: name one with --data`);
  const { open } = await import("vicinal");
  return open(folder, access === "read" ? { readOnly: true, refreshMs: 0 } : {});
}

/** Runs work on a client and closes it, whatever happens. */
export async function withClient<T>(
  target: Target,
  access: Access,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect(target, access);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
