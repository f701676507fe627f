/**
 * Vectors less their mean. The features of many networks are all positive, so that their cosines crowd near 1; less the mean of some
 * of them they part items better (1,000 photos in 20 groups by MobileNetV2: precision at 1 0.75 for 0.70).
 */
import type { Embedder, SourceItem } from "./pipeline.js";

const BATCH = 32;

export interface MeanOptions {
  /** Items, spread evenly, whose mean is taken for that of all; default 500. */
  of?: number;
  signal?: AbortSignal;
}

/** The mean of some items' vectors; those that cannot be read are passed over. Rejects when none can. */
export async function meanVector<Item>(
  source: AsyncIterable<SourceItem<Item>> | Iterable<SourceItem<Item>>,
  model: Embedder<Item>,
  { of = 500, signal }: MeanOptions = {},
): Promise<Float32Array> {
  const items: SourceItem<Item>[] = [];
  for await (const item of source) items.push(item);
  const count = Math.min(of, items.length);
  const chosen = Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]);
  const sum = new Float64Array(model.dimensions);
  let found = 0;
  for (let from = 0; from < chosen.length; from += BATCH) {
    signal?.throwIfAborted();
    const loaded = await Promise.allSettled(chosen.slice(from, from + BATCH).map((item) => item.load()));
    const contents = loaded.flatMap((item) => (item.status === "fulfilled" ? [item.value] : []));
    const { vectors } = await model.embed(contents, { signal });
    for (const vector of vectors) {
      if (!vector) continue;
      found++;
      for (let i = 0; i < sum.length; i++) sum[i] += vector[i];
    }
  }
  if (found === 0) throw new Error("none of the items can be read");
  return Float32Array.from(sum, (x) => x / found);
}

/** The model less that mean. */
export function lessMean<Item>(model: Embedder<Item>, mean: ArrayLike<number>): Embedder<Item> {
  return {
    id: `${model.id}, less the mean`,
    dimensions: model.dimensions,
    async embed(items, options) {
      const { vectors, failures } = await model.embed(items, options);
      return { vectors: vectors.map((vector) => vector?.map((x, i) => x - mean[i])), failures };
    },
  };
}
