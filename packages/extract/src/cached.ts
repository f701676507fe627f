/** A model that remembers what it made of which bytes. */
import type { EmbedOptions, Model } from "./models/model.js";

export interface CacheOptions {
  /** Of vectors; the oldest go. Default 256 MiB. */
  maxBytes?: number;
}

/** The same model over items that are bytes; equal bytes are embedded once. Failures are not remembered. */
export function cached(
  model: Model<Uint8Array>,
  { maxBytes = 256 * 2 ** 20 }: CacheOptions = {},
): Model<Uint8Array> {
  const most = Math.max(1, Math.floor(maxBytes / (model.dimensions * 4)));
  const known = new Map<string, Float32Array>();
  return {
    ...model,
    async embed(items: readonly Uint8Array[], options?: EmbedOptions) {
      const keys = await Promise.all(items.map(digestOf));
      const vectors = keys.map((key) => known.get(key));
      const wanted = items.flatMap((_, index) => (vectors[index] ? [] : [index]));
      const made = await model.embed(
        wanted.map((index) => items[index]),
        options,
      );
      made.vectors.forEach((vector, i) => {
        vectors[wanted[i]] = vector;
        if (vector) known.set(keys[wanted[i]], vector);
      });
      for (const key of known.keys()) {
        if (known.size <= most) break;
        known.delete(key);
      }
      const failures = made.failures.map(({ index, error }) => ({ index: wanted[index], error }));
      // Those who get a vector may change it.
      return { vectors: vectors.map((vector) => vector?.slice()), failures };
    },
  };
}

async function digestOf(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return String.fromCharCode(...new Uint16Array(digest));
}
