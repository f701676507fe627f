/**
 * Texts through a service that speaks OpenAI's embeddings API: OpenAI, Ollama, vLLM, text-embeddings-inference and others.
 *
 * Texts are sent in batches, several at a time. What may pass (429, 408, 5xx, a broken connection) is tried again, after the time
 * that the service asks for (`Retry-After`), else after twice as long each time.
 */
import { ExtractError } from "../errors.js";
import { pause } from "../pause.js";
import type { EmbedOptions, Model } from "./model.js";
import { wordsOf } from "./text-model.js";

export interface RemoteOptions {
  /** Address of the API, such as https://api.openai.com/v1; `/embeddings` is added. */
  url: string;
  /** The model's name there. */
  model: string;
  dimensions: number;
  /** Sent as a bearer token. */
  apiKey?: string;
  /** Texts in a request; default 64. */
  batchSize?: number;
  /** Requests at a time; default 4. */
  concurrency?: number;
  /** Requests begun in a minute at most; default unlimited. */
  requestsPerMinute?: number;
  /** How often one request is tried; default 5. */
  attempts?: number;
  /** Before the second attempt, where the service says nothing; default 500. */
  retryMs?: number;
  /** For one attempt; default 60,000. */
  timeoutMs?: number;
  prefixes?: { document: string; query: string };
}

/** The longest wait that a service may ask for. */
const RETRY_AFTER_MAX_MS = 60_000;

export function remoteModel(options: RemoteOptions): Model<string> {
  const { url, model, dimensions, batchSize = 64, concurrency = 4, prefixes } = options;
  const address = `${url.replace(/\/+$/, "")}/embeddings`;
  if (!URL.canParse(address)) throw new ExtractError("REMOTE_FAILED", `${url} is no address`);
  const begin = paced(options.requestsPerMinute);

  async function embedAll(texts: readonly string[], { signal, onProgress, kind = "document" }: EmbedOptions) {
    const vectors: (Float32Array | undefined)[] = new Array(texts.length).fill(undefined);
    const failures: { index: number; error: Error }[] = [];
    const wanted: number[] = [];
    texts.forEach((text, index) => {
      try {
        wordsOf(text);
        wanted.push(index);
      } catch (error) {
        failures.push({ index, error: error as Error });
      }
    });
    const batches: number[][] = [];
    for (let from = 0; from < wanted.length; from += batchSize)
      batches.push(wanted.slice(from, from + batchSize));
    let done = failures.length;
    const worker = async () => {
      for (let batch = batches.shift(); batch; batch = batches.shift()) {
        const inputs = batch.map((index) => `${prefixes?.[kind] ?? ""}${texts[index]}`);
        const made = await request(inputs, signal);
        batch.forEach((index, i) => {
          vectors[index] = made[i];
        });
        done += batch.length;
        onProgress?.(done, texts.length);
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, batches.length) }, worker));
    return { vectors, failures };
  }

  async function request(inputs: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    const { attempts = 5, retryMs = 500 } = options;
    for (let attempt = 1; ; attempt++) {
      await begin(signal);
      const outcome = await tried(inputs, signal);
      if ("vectors" in outcome) return outcome.vectors;
      if (!outcome.passes || attempt === attempts)
        throw new ExtractError("REMOTE_FAILED", `${address}: ${outcome.why}`, { cause: outcome.cause });
      await pause(outcome.afterMs ?? retryMs * 2 ** (attempt - 1), signal);
    }
  }

  async function tried(
    inputs: readonly string[],
    signal?: AbortSignal,
  ): Promise<{ vectors: Float32Array[] } | Refusal> {
    const timeout = AbortSignal.timeout(options.timeoutMs ?? 60_000);
    try {
      const answer = await fetch(address, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(options.apiKey ? { authorization: `Bearer ${options.apiKey}` } : {}),
        },
        body: JSON.stringify({ model, input: inputs, encoding_format: "float" }),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      if (!answer.ok) return refusalOf(answer, await answer.text());
      return { vectors: vectorsOf(await answer.json(), inputs.length, dimensions) };
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof ExtractError) throw cause;
      return { passes: true, why: cause instanceof Error ? cause.message : String(cause), cause };
    }
  }

  return {
    id: `${model} at ${new URL(address).host}`,
    modality: "text",
    dimensions,
    metric: "Cosine",
    embed: (texts, embedOptions = {}) => embedAll(texts, embedOptions),
    close: async () => {},
  };
}

interface Refusal {
  /** Whether it may be otherwise later. */
  passes: boolean;
  why: string;
  afterMs?: number;
  cause?: unknown;
}

function refusalOf(answer: Response, body: string): Refusal {
  const seconds = Number(answer.headers.get("retry-after") ?? Number.NaN);
  const passes = answer.status === 408 || answer.status === 429 || answer.status >= 500;
  return {
    passes,
    why: `${answer.status} ${body.slice(0, 200)}`.trim(),
    ...(Number.isFinite(seconds) ? { afterMs: Math.min(RETRY_AFTER_MAX_MS, seconds * 1000) } : {}),
  };
}

function vectorsOf(body: unknown, count: number, dimensions: number): Float32Array[] {
  const { data } = body as { data?: { index: number; embedding: number[] }[] };
  if (!Array.isArray(data) || data.length !== count)
    throw new ExtractError(
      "REMOTE_FAILED",
      `The service answers ${data?.length ?? "no"} vectors for ${count} texts`,
    );
  const vectors: Float32Array[] = new Array(count);
  for (const { index, embedding } of data) {
    if (embedding?.length !== dimensions)
      throw new ExtractError(
        "REMOTE_FAILED",
        `The service answers ${embedding?.length ?? "no"} numbers a vector, expected ${dimensions}`,
      );
    vectors[index] = Float32Array.from(embedding);
  }
  return vectors;
}

/** Resolves when the next request may begin: they are spread evenly. */
function paced(perMinute: number | undefined): (signal?: AbortSignal) => Promise<void> {
  if (perMinute === undefined) return async () => {};
  const gapMs = 60_000 / perMinute;
  let next = 0;
  return async (signal) => {
    const now = performance.now();
    const mine = Math.max(now, next);
    next = mine + gapMs;
    if (mine > now) await pause(mine - now, signal);
  };
}
