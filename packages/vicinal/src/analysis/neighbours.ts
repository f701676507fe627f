/**
 * The k nearest neighbours of every vector among the others: what clusters, duplicates, outliers and maps begin with.
 *
 * Few vectors are compared each with each. Of many, an HNSW graph is built over them and asked, with a beam several times as wide
 * as the neighbours wanted. Cost: count^2 distances, or a build and count searches.
 */
import { familyNamed } from "../index/families.js";
import { FlatIndex } from "../index/flat/index.js";
import { VectorStore } from "../index/vector-store.js";
import type { KernelModule } from "../runtime/kernels.js";
import { type Breath, type Neighbours, NOBODY, type Vectors } from "./types.js";

/** Up to here a scan for each vector is as quick as building a graph. */
const EXACT_MAX = 5000;
/** Beam of a search over neighbours wanted. */
const BEAM = 4;
/** Searches between two breaths. */
const SLICE = 64;
/** Of all the work, what building the graph is. */
const BUILD_SHARE = 0.6;

/** @param k Neighbours of each vector, 1..count - 1. */
export async function nearestNeighbours(
  kernels: KernelModule,
  vectors: Vectors,
  k: number,
  options: { signal?: AbortSignal; breath: Breath },
): Promise<Neighbours> {
  const { count, dimensions, metric, data } = vectors;
  const { signal, breath } = options;
  const store = VectorStore.createWith(kernels, { dimensions, metric, capacity: Math.max(1, count) });
  try {
    for (let i = 0; i < count; i++) store.append(data.subarray(i * dimensions, (i + 1) * dimensions));
    const exact = count <= EXACT_MAX;
    const family = familyNamed("hnsw");
    let reported = Promise.resolve();
    const index = exact
      ? new FlatIndex(store)
      : await family.build(store, family.parameters({}), {
          signal,
          calibrate: false,
          progress: (done, total) => {
            reported = breath((BUILD_SHARE * done) / total).catch(() => {});
          },
        });
    await reported;
    const before = exact ? 0 : BUILD_SHARE;
    const numbers = new Uint32Array(count * k).fill(NOBODY);
    const distances = new Float32Array(count * k).fill(Number.POSITIVE_INFINITY);
    for (let i = 0; i < count; i++) {
      if (i % SLICE === 0) await breath(before + ((1 - before) * i) / count);
      const query = data.subarray(i * dimensions, (i + 1) * dimensions);
      const found = index.search({ query, k: Math.min(k + 1, count), effort: BEAM * (k + 1) });
      let at = i * k;
      for (let j = 0; j < found.ordinals.length && at < (i + 1) * k; j++) {
        if (found.ordinals[j] === i) continue;
        numbers[at] = found.ordinals[j];
        distances[at++] = found.distances[j];
      }
    }
    toLengths(metric, distances);
    return { count, k, numbers, distances };
  } finally {
    store.close();
  }
}

/** From the engine's distances to lengths that are at least 0. */
function toLengths(metric: Vectors["metric"], distances: Float32Array): void {
  let least = 0;
  if (metric === "Dot") for (const distance of distances) least = Math.min(least, distance);
  for (let i = 0; i < distances.length; i++) {
    const distance = Math.max(0, distances[i] - least);
    distances[i] = metric === "Euclid" ? Math.sqrt(distance) : distance;
  }
}
