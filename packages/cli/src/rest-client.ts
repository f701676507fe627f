/** The methods of `Client` over HTTP, with the `fetch` of the platform. */
import { type MemoryTree, parseJson, stringifyJson } from "vicinal/protocol";
import {
  type Client,
  type CollectionInfo,
  type Point,
  plainVectors,
  type QueryAnswer,
  type QueryRequest,
  type ScoredPoint,
  type VectorSettings,
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

  createCollection(
    name: string,
    settings: { vectors: VectorSettings | Record<string, VectorSettings> },
  ): Promise<boolean> {
    return this.#send("PUT", path(name), settings);
  }

  upsert(name: string, { wait, points }: { wait: boolean; points: Point[] }): Promise<unknown> {
    const plain = points.map((point) => ({ ...point, vector: plainVectors(point.vector) }));
    return this.#send("PUT", `${path(name)}/points?wait=${wait}`, { points: plain });
  }

  updateCollection(name: string, change: Record<string, unknown>): Promise<boolean> {
    return this.#send("PATCH", path(name), change);
  }

  scroll(
    name: string,
    request: Record<string, unknown>,
  ): Promise<{ points: Pick<ScoredPoint, "id" | "vector">[]; next_page_offset?: unknown }> {
    return this.#send("POST", `${path(name)}/points/scroll`, request);
  }

  query(name: string, request: QueryRequest): Promise<QueryAnswer> {
    return this.#send("POST", `${path(name)}/points/query`, request);
  }

  async waitForIndex(): Promise<void> {}

  async close(): Promise<void> {}

  async #send<T>(method: string, path: string, body?: unknown): Promise<T> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.#base + path, {
        method,
        headers: body === undefined ? {} : { "content-type": "application/json" },
        body: body === undefined ? undefined : stringifyJson(body),
      });
      text = await response.text();
    } catch (cause) {
      const reason = (cause as Error).cause;
      throw new UserError(
        `no answer from ${this.#base}: ${reason instanceof Error && reason.message ? reason.message : (cause as Error).message}`,
        { cause },
      );
    }
    const answer = parseAnswer(text);
    if (!response.ok || answer === undefined) {
      const error = (answer?.status as { error?: string } | undefined)?.error;
      throw new UserError(`${this.#base}${path}: ${error ?? `${response.status} ${response.statusText}`}`);
    }
    return answer.result as T;
  }
}

function path(collection: string): string {
  return `/collections/${encodeURIComponent(collection)}`;
}

function parseAnswer(text: string): { result?: unknown; status?: unknown } | undefined {
  try {
    const answer = parseJson(text);
    return typeof answer === "object" && !Array.isArray(answer) ? (answer ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}
