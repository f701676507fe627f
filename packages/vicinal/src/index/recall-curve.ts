/**
 * Recall against effort: what every family's measuring comes down to once it has queries and their exact neighbours.
 */
import type { CalibrationCurve, VectorIndex } from "./contract.js";

export interface RecallTrial {
  index: VectorIndex;
  query(i: number): Float32Array;
  /** Distances of the exact neighbours of each query, rising. */
  truth: readonly Float32Array[];
  bits?: Uint32Array;
  /** What is yielded after each search. */
  progress: number;
  /** How many of the queries are asked at an effort. */
  asked(effort: number): number;
  /** Efforts beyond the one at which every k reached this recall are not measured. */
  enough: number;
}

/** One curve per k, from searches for the largest of them; `efforts` rise. */
export function* recallCurves(
  trial: RecallTrial,
  ks: readonly number[],
  efforts: Iterable<number>,
  selectivity: number,
): Generator<number, CalibrationCurve[]> {
  const { index, truth, bits } = trial;
  const curves = ks.map((k): CalibrationCurve => ({ k, selectivity, efforts: [], recalls: [], errors: [] }));
  const most = Math.max(...ks);
  for (const effort of efforts) {
    const asked = trial.asked(effort);
    const samples = ks.map(() => new Float64Array(asked));
    for (let i = 0; i < asked; i++) {
      const { distances } = index.search({ query: trial.query(i), k: most, effort, bits });
      ks.forEach((k, j) => {
        samples[j][i] = share(distances, truth[i], k);
      });
      yield trial.progress;
    }
    let worst = 1;
    curves.forEach((curve, j) => {
      const { mean, error } = statistics(samples[j]);
      curve.efforts.push(effort);
      curve.recalls.push(mean);
      curve.errors.push(error);
      worst = Math.min(worst, mean);
    });
    if (worst >= trial.enough) break;
  }
  return curves;
}

/** Share of the true k nearest that were found; a hit at the distance of the k-th is as good as the k-th. */
function share(found: Float32Array, truth: Float32Array, k: number): number {
  const wanted = Math.min(k, truth.length);
  if (wanted === 0) return 1;
  let hits = 0;
  while (hits < wanted && hits < found.length && found[hits] <= truth[wanted - 1]) hits++;
  return hits / wanted;
}

function statistics(samples: Float64Array): { mean: number; error: number } {
  const mean = samples.reduce((sum, x) => sum + x, 0) / samples.length;
  const variance = samples.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, samples.length - 1);
  return { mean, error: Math.sqrt(variance / samples.length) };
}
