/**
 * EncodedIndex: multi-vectors found in two stages. An index of single vectors over their fixed dimensional encodings names candidates
 * (fixed-encoder.ts); MaxSim, computed exactly, puts these in order.
 *
 * The one dial is `ef`: how many candidates the first stage keeps and the second compares. The first stage is a graph, whose beam has that
 * width too.
 *
 *   section encodings     documents x encoded dimensions f32
 *   sections stage.*      what the first stage saves
 *   meta                  format, count (of vectors), dimensions, metric, documents, the encoder's parameters, calibration, stage
 */
import type {
  Calibration,
  EffortDial,
  SavedIndex,
  SearchRequest,
  SearchResult,
  VectorIndex,
} from "../contract.js";
import { noHits } from "../search-frame.js";
import type { VectorStore } from "../vector-store.js";
import type { FixedEncoder } from "./fixed-encoder.js";
import { type MaxSimScan, nearestOf } from "./max-sim-scan.js";

export const FORMAT = 1;
/** Vectors of a query, about, for what a search of the first stage costs beside MaxSim. */
const QUERY_VECTORS = 16;

/** Ordinals are documents; a request's `query` holds the vectors of the query one after the other. */
export class EncodedIndex implements VectorIndex {
  /** Names both stages: `muvera+hnsw`. */
  readonly family: string;
  readonly exact = false;
  readonly effort: EffortDial;
  calibration: Calibration | undefined;
  readonly store: VectorStore;
  readonly scan: MaxSimScan;
  readonly #encoder: FixedEncoder;
  readonly #stage: VectorIndex;

  /** @param stage Over the encodings, in a store of its own, which goes with this index. */
  constructor(scan: MaxSimScan, encoder: FixedEncoder, stage: VectorIndex) {
    this.scan = scan;
    this.store = scan.store;
    this.#encoder = encoder;
    this.#stage = stage;
    this.family = `muvera+${stage.family}`;
    const { effort } = stage;
    const documentNumbers = (scan.documents.vectors / scan.documents.count) * scan.store.dimensions;
    const stageShare = encoder.dimensions / (documentNumbers * QUERY_VECTORS);
    this.effort = { ...effort, name: "ef", scored: 1 + effort.scored * stageShare };
  }

  search({ query, k, effort, bits }: SearchRequest): SearchResult {
    const { count } = this.scan.documents;
    const candidates = Math.min(count, Math.max(k, Math.ceil(effort)));
    if (candidates <= 0) return noHits();
    const encoded = this.#encoder.encodeQuery(query);
    const found = this.#stage.search({ query: encoded, k: candidates, effort: candidates, bits });
    if (found.ordinals.length === 0) return found;
    const documents = found.ordinals.sort();
    const { ordinals, distances } = nearestOf(documents, this.scan.distances(query, documents), k);
    const stats = { scored: found.stats.scored + documents.length, visited: found.stats.visited };
    const exhausted = candidates === count || (documents.length < candidates && found.exhausted);
    return { ordinals, distances, exhausted, stats };
  }

  memoryBytes(): number {
    return this.#stage.store.bytes().byteLength + this.#stage.memoryBytes();
  }

  save(): SavedIndex {
    const { count, dimensions, metric } = this.store;
    const stage = this.#stage.save();
    const meta = {
      format: FORMAT,
      count,
      dimensions,
      metric,
      documents: this.scan.documents.count,
      ...this.#encoder.parameters,
      calibration: this.calibration ?? null,
      stage: stage.meta,
    };
    const sections = stage.sections.map(({ name, bytes }) => ({ name: `stage.${name}`, bytes }));
    return {
      family: this.family,
      meta,
      sections: [{ name: "encodings", bytes: this.#stage.store.bytes() }, ...sections],
    };
  }

  release(): void {
    const { store } = this.#stage;
    this.#stage.release();
    store.close();
    this.#encoder.close();
  }
}
