/** A model that is ready: it turns items into vectors. */
import type { Embedder } from "../pipeline.js";

export interface EmbedOptions {
  signal?: AbortSignal;
  /** Items that are done, of all. */
  onProgress?: (done: number, total: number) => void;
  /** Of texts: whether they are stored or looked for. Default document. */
  kind?: "document" | "query";
}

/** What a model makes vectors of. */
export type Modality = "image" | "audio" | "text";

export interface Model<Item> extends Embedder<Item> {
  readonly modality: Modality;
  readonly metric: "Cosine" | "Dot" | "Euclid";
  embed(
    items: readonly Item[],
    options?: EmbedOptions,
  ): Promise<{ vectors: (Float32Array | undefined)[]; failures: { index: number; error: Error }[] }>;
  close(): Promise<void>;
}

/** Embeds item by item or batch by batch; one that cannot be prepared fails alone. */
export async function embedEach<Item, Prepared>(
  items: readonly Item[],
  options: EmbedOptions,
  batchSize: number,
  prepare: (item: Item) => Promise<Prepared>,
  run: (prepared: Prepared[]) => Promise<Float32Array[]>,
): Promise<{ vectors: (Float32Array | undefined)[]; failures: { index: number; error: Error }[] }> {
  const vectors: (Float32Array | undefined)[] = new Array(items.length).fill(undefined);
  const failures: { index: number; error: Error }[] = [];
  for (let from = 0; from < items.length; from += batchSize) {
    options.signal?.throwIfAborted();
    const batch: { index: number; prepared: Prepared }[] = [];
    for (let index = from; index < Math.min(items.length, from + batchSize); index++) {
      try {
        batch.push({ index, prepared: await prepare(items[index]) });
      } catch (reason) {
        failures.push({ index, error: reason instanceof Error ? reason : new Error(String(reason)) });
      }
    }
    if (batch.length > 0) {
      const made = await run(batch.map(({ prepared }) => prepared));
      batch.forEach(({ index }, i) => {
        vectors[index] = made[i];
      });
    }
    options.onProgress?.(Math.min(items.length, from + batchSize), items.length);
  }
  return { vectors, failures };
}
