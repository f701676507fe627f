/** A model that remembers what it made of what: in memory, or in a folder, from one run to the next. */
import type { Sound } from "../audio/wav.js";
import type { EmbedOptions, Model } from "../models/model.js";

export interface CacheOptions {
  /** Of vectors; the oldest go. Default 256 MiB, in a folder 1 GiB. */
  maxBytes?: number;
  /** Keeps the vectors there, in files that other runs and processes may use too. Default: in memory. */
  folder?: string;
}

/** Vectors by digests of 32 bytes. */
export interface VectorCache {
  get(keys: readonly Uint8Array[]): Promise<(Float32Array | undefined)[]>;
  put(entries: readonly (readonly [key: Uint8Array, vector: Float32Array])[]): Promise<void>;
  close(): Promise<void>;
}

/** The same model; equal items are embedded once. Failures are not remembered. */
export function cached<Item extends Uint8Array | string | Sound>(
  model: Model<Item>,
  options: CacheOptions = {},
): Model<Item> {
  let opened: Promise<VectorCache> | undefined;
  return {
    ...model,
    async embed(items: readonly Item[], embedOptions?: EmbedOptions) {
      opened ??= openCache(model, options);
      const cache = await opened;
      const keys = await Promise.all(items.map((item) => digestOf(model, item, embedOptions?.kind)));
      const vectors = await cache.get(keys);
      const wanted = items.flatMap((_, index) => (vectors[index] ? [] : [index]));
      if (wanted.length === 0) return { vectors, failures: [] };
      const made = await model.embed(
        wanted.map((index) => items[index]),
        embedOptions,
      );
      const entries: [Uint8Array, Float32Array][] = [];
      made.vectors.forEach((vector, i) => {
        vectors[wanted[i]] = vector;
        if (vector) entries.push([keys[wanted[i]], vector]);
      });
      await cache.put(entries);
      const failures = made.failures.map(({ index, error }) => ({ index: wanted[index], error }));
      return { vectors, failures };
    },
    async close() {
      await (await opened)?.close();
      await model.close();
    },
  };
}

async function openCache(
  model: Model<never>,
  { folder, maxBytes = (folder === undefined ? 256 : 1024) * 2 ** 20 }: CacheOptions,
): Promise<VectorCache> {
  if (folder === undefined) return memoryCache(Math.max(1, Math.floor(maxBytes / (model.dimensions * 4))));
  const { openDiskCache } = await import("#platform/disk-cache.js");
  return openDiskCache(folder, model, maxBytes);
}

/** Whoever puts or gets a vector may change it: what is kept is a copy. */
function memoryCache(most: number): VectorCache {
  const known = new Map<string, Float32Array>();
  return {
    get: async (keys) => keys.map((key) => known.get(nameOf(key))?.slice()),
    async put(entries) {
      for (const [key, vector] of entries) known.set(nameOf(key), vector.slice());
      for (const key of known.keys()) {
        if (known.size <= most) break;
        known.delete(key);
      }
    },
    close: async () => {},
  };
}

/** A digest as the key of a map. */
export function nameOf(key: Uint8Array): string {
  return String.fromCharCode(...key);
}

/** Of what the vector follows from: the model, what the item is for, and its content. */
async function digestOf(
  { id }: Model<never>,
  item: Uint8Array | string | Sound,
  kind = "document",
): Promise<Uint8Array> {
  const text = new TextEncoder();
  const [form, content] =
    typeof item === "string"
      ? [`text ${kind}`, text.encode(item)]
      : item instanceof Uint8Array
        ? ["bytes", item]
        : [`samples ${item.sampleRate}`, bytesOf(item.samples)];
  const head = text.encode(`${id}\n${form}\n`);
  const whole = new Uint8Array(head.length + content.length);
  whole.set(head);
  whole.set(content, head.length);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
