/** The methods of `Client` over HTTP, with the `fetch` of the platform. */
import { type MemoryTree, parseJson, stringifyJson } from "vicinal/protocol";
import {
  type Archive,
  type Client,
  type CollectionInfo,
  type NewCollection,
  type Point,
  type PointId,
  plainVectors,
  type QueryAnswer,
  type QueryRequest,
  type ScrollAnswer,
  type ScrollRequest,
  type SnapshotDescription,
} from "./client.js";
import { UserError } from "./errors.js";

export class RestClient implements Client {
  readonly #base: string;

  /** @param url address of a server, for example `http://127.0.0.1:6333` */
  constructor(url: string) {
    if (!/^https?:/.test(url) || !URL.canParse(url)) {
      throw new UserError(`${url} is no address: it should look like http://127.0.0.1:6333`);
    }
    this.#base = url.replace(/\/+$/, "");
  }

  getCollections(): Promise<{ collections: { name: string }[] }> {
    return this.#send("GET", "/collections");
  }

  collectionExists(name: string): Promise<{ exists: boolean }> {
    return this.#send("GET", `${path(name)}/exists`);
  }

  getCollection(name: string): Promise<CollectionInfo> {
    return this.#send("GET", path(name));
  }

  explainMemory(): Promise<MemoryTree> {
    return this.#send("GET", "/memory");
  }

  createCollection(name: string, settings: NewCollection): Promise<boolean> {
    return this.#send("PUT", path(name), settings);
  }

  upsert(name: string, { wait, points }: { wait: boolean; points: Point[] }): Promise<unknown> {
    const plain = points.map((point) => ({ ...point, vector: plainVectors(point.vector) }));
    return this.#send("PUT", `${path(name)}/points?wait=${wait}`, { points: plain });
  }

  updateCollection(name: string, change: Record<string, unknown>): Promise<boolean> {
    return this.#send("PATCH", path(name), change);
  }

  retrieve(name: string, request: { ids: string[]; with_payload: string[] }): ReturnType<Client["retrieve"]> {
    return this.#send("POST", `${path(name)}/points`, request);
  }

  delete(name: string, { wait, points }: { wait: boolean; points: string[] }): Promise<unknown> {
    return this.#send("POST", `${path(name)}/points/delete?wait=${wait}`, { points });
  }

  scroll(name: string, request: ScrollRequest): Promise<ScrollAnswer> {
    return this.#send("POST", `${path(name)}/points/scroll`, request);
  }

  putBlob(
    name: string,
    id: PointId,
    blob: string,
    { type, bytes }: { type: string; bytes: Uint8Array },
  ): Promise<unknown> {
    const body = bytes as Uint8Array<ArrayBuffer>;
    return this.#answer(blobPath(name, id, blob), { method: "PUT", headers: { "content-type": type }, body });
  }

  async getBlob(name: string, id: PointId, blob: string): Promise<{ bytes: AsyncIterable<Uint8Array> }> {
    return { bytes: await this.#download(blobPath(name, id, blob)) };
  }

  query(name: string, request: QueryRequest): Promise<QueryAnswer> {
    return this.#send("POST", `${path(name)}/points/query`, request);
  }

  createSnapshot(name: string): Promise<SnapshotDescription> {
    return this.#send("POST", `${path(name)}/snapshots`);
  }

  listSnapshots(name: string): Promise<SnapshotDescription[]> {
    return this.#send("GET", `${path(name)}/snapshots`);
  }

  deleteSnapshot(name: string, snapshot: string): Promise<boolean> {
    return this.#send("DELETE", `${path(name)}${snapshotPath(snapshot)}`);
  }

  downloadSnapshot(name: string, snapshot: string): Promise<Archive> {
    return this.#download(`${path(name)}${snapshotPath(snapshot)}`);
  }

  createFullSnapshot(): Promise<SnapshotDescription> {
    return this.#send("POST", "/snapshots");
  }

  listFullSnapshots(): Promise<SnapshotDescription[]> {
    return this.#send("GET", "/snapshots");
  }

  deleteFullSnapshot(snapshot: string): Promise<boolean> {
    return this.#send("DELETE", snapshotPath(snapshot));
  }

  downloadFullSnapshot(snapshot: string): Promise<Archive> {
    return this.#download(snapshotPath(snapshot));
  }

  async waitForIndex(): Promise<void> {}

  async close(): Promise<void> {}

  #send<T>(method: string, path: string, body?: unknown): Promise<T> {
    return this.#answer(path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : stringifyJson(body),
    });
  }

  async #answer<T>(path: string, request: RequestInit): Promise<T> {
    const response = await this.#fetch(path, request);
    const text = await response.text().catch((cause: unknown) => this.#unreachable(cause));
    const answer = parseAnswer(text);
    if (!response.ok || answer === undefined) throw this.#refusal(path, response, answer);
    return answer.result as T;
  }

  async #download(path: string): Promise<Archive> {
    const response = await this.#fetch(path, { method: "GET" });
    if (!response.ok || response.body === null)
      throw this.#refusal(path, response, parseAnswer(await response.text()));
    const size = Number(response.headers.get("content-length"));
    return Object.assign(response.body as unknown as AsyncIterable<Uint8Array>, { size });
  }

  #fetch(path: string, request: RequestInit): Promise<Response> {
    return fetch(this.#base + path, request).catch((cause: unknown) => this.#unreachable(cause));
  }

  #unreachable(cause: unknown): never {
    const { cause: reason, message } = cause as Error;
    const why = reason instanceof Error && reason.message ? reason.message : message;
    throw new UserError(`no answer from ${this.#base}: ${why}`, { cause });
  }

  #refusal(path: string, { status, statusText }: Response, answer: Answer | undefined): UserError {
    const error = (answer?.status as { error?: string } | undefined)?.error;
    return new UserError(`${this.#base}${path}: ${error ?? `${status} ${statusText}`}`);
  }
}

function path(collection: string): string {
  return `/collections/${encodeURIComponent(collection)}`;
}

function blobPath(collection: string, id: PointId, blob: string): string {
  return `${path(collection)}/points/${id}/blobs/${encodeURIComponent(blob)}`;
}

function snapshotPath(snapshot: string): string {
  return `/snapshots/${encodeURIComponent(snapshot)}`;
}

interface Answer {
  result?: unknown;
  status?: unknown;
}

function parseAnswer(text: string): Answer | undefined {
  try {
    const answer = parseJson(text);
    return typeof answer === "object" && !Array.isArray(answer) ? (answer ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}
