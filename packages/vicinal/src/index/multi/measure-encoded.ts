/**
 * Measures the recall of two-stage search against effort, by MaxSim over all documents. Queries are drawn from documents, some vectors of
 * each, as a question has fewer vectors than a text; the documents that they come from are masked.
 */
import { trainingRows } from "../../codec/kmeans.js";
import { clearBit, hasBit, setBits } from "../../runtime/bits.js";
import { seededRandom } from "../../runtime/random.js";
import type { Calibration, CalibrationCurve } from "../contract.js";
import { geometricLadder } from "../measure.js";
import { recallCurves } from "../recall-curve.js";
import type { EncodedIndex } from "./encoded-index.js";

/** Each costs a scan of all documents. */
const QUERIES = 100;
/** Vectors of a query. */
const QUERY_VECTORS = 8;
const SELECTIVITIES = [1, 0.5, 0.1, 0.02];
/** Efforts beyond the one that reached this are not measured, nor those that compare more than this share of the documents. */
const ENOUGH = 0.999;
const MOST_SHARE = 0.5;
/** Documents of one step of a scan, which takes about a millisecond for ten vectors of 128 numbers each. */
const STEP_DOCUMENTS = 64;

/** Yields how far it is, 0..`total`, to be interrupted. */
export function* measureEncoded(
  index: EncodedIndex,
  seed: number,
  total: number,
): Generator<number, Calibration> {
  const { documents, store } = index.scan;
  const random = seededRandom(seed);
  const masked = trainingRows(documents.count, Math.min(QUERIES, documents.count), random);
  const present = new Uint32Array((documents.count + 31) >>> 5);
  setBits(present, 0, documents.count);
  for (const document of masked) clearBit(present, document);
  const queries = Array.from(masked, (document) => {
    const first = documents.first(document);
    const vectors = documents.end(document) - first;
    const drawn = trainingRows(vectors, Math.min(QUERY_VECTORS, vectors), random);
    const query = new Float32Array(drawn.length * store.dimensions);
    drawn.forEach((vector, i) => {
      query.set(store.view(first + vector), i * store.dimensions);
    });
    return query;
  });
  const passing = SELECTIVITIES.map((selectivity) => sample(present, documents.count, selectivity, random));
  const truths: Float32Array[][] = passing.map(() => []);
  for (let i = 0; i < queries.length; i++) {
    const distances = yield* distancesOf(index, queries[i], Math.floor((total * i) / queries.length));
    passing.forEach((bits, j) => {
      truths[j].push(
        distances
          .filter((_, document) => hasBit(bits, document))
          .sort()
          .slice(0, 100),
      );
    });
  }
  const curves: CalibrationCurve[] = [];
  for (const [j, selectivity] of SELECTIVITIES.entries()) {
    const ks = selectivity === 1 ? [1, 10, 100] : [10];
    const trial = {
      index,
      query: (i: number) => queries[i],
      truth: truths[j],
      bits: passing[j],
      progress: total,
      asked: () => queries.length,
      enough: ENOUGH,
    };
    const most = Math.max(128, Math.floor(documents.count * MOST_SHARE));
    for (const k of ks)
      curves.push(...(yield* recallCurves(trial, [k], geometricLadder(most, k), selectivity)));
  }
  return { queries: queries.length, curves };
}

/** That share of the set bits. */
function sample(bits: Uint32Array, count: number, share: number, random: () => number): Uint32Array {
  const some = bits.slice();
  if (share < 1) for (let i = 0; i < count; i++) if (random() >= share) clearBit(some, i);
  return some;
}

/** Of all documents. */
function* distancesOf(
  index: EncodedIndex,
  query: Float32Array,
  done: number,
): Generator<number, Float32Array> {
  const { scan } = index;
  const all = scan.documents.chosen(undefined);
  const distances = new Float32Array(all.length);
  for (let from = 0; from < all.length; from += STEP_DOCUMENTS) {
    distances.set(scan.distances(query, all.subarray(from, from + STEP_DOCUMENTS)), from);
    yield done;
  }
  return distances;
}
