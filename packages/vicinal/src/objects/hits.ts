/** Answers: merged from parts, and turned into what a caller sees. */
import type { Metric } from "../index/contract.js";
import type { BatchHits, RangeHits } from "./contract.js";

/** Hits of one query in one part: ordinals of the part, distances of the engine (smaller is nearer), rising. */
export interface Hits {
  ordinals: Uint32Array;
  distances: Float32Array;
}

/** Hits of each query of a batch in one part of an index, whose ordinal 0 has the label `first`. */
export interface PartHits {
  first: number;
  hits: Hits[];
  scored: number;
  visited: number;
}

/** The user's number for a distance of the engine, and back. */
export function shownDistance(metric: Metric, distance: number): number {
  if (metric === "Dot") return -distance;
  return metric === "Cosine" ? 1 - distance : distance;
}

function worstShown(metric: Metric): number {
  return metric === "Dot" || metric === "Cosine" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** The k best of all parts. Parts come in order of their labels, so that equal distances stay in order of label. */
export function batchHits(metric: Metric, queries: number, k: number, parts: readonly PartHits[]): BatchHits {
  const labels = new Int32Array(queries * k).fill(-1);
  const distances = new Float32Array(queries * k).fill(worstShown(metric));
  const places = parts.map(() => 0);
  for (let query = 0; query < queries; query++) {
    places.fill(0);
    for (let at = query * k; at < (query + 1) * k; at++) {
      const best = nextPart(parts, places, query);
      if (best < 0) break;
      const { first, hits } = parts[best];
      const place = places[best]++;
      labels[at] = first + hits[query].ordinals[place];
      distances[at] = shownDistance(metric, hits[query].distances[place]);
    }
  }
  const sum = (of: "scored" | "visited") => parts.reduce((total, part) => total + part[of], 0);
  return { k, labels, distances, scored: sum("scored"), visited: sum("visited") };
}

/** The part whose next hit is the nearest; -1 when all are used up. */
function nextPart(parts: readonly PartHits[], places: readonly number[], query: number): number {
  let best = -1;
  let least = 0;
  for (let part = 0; part < parts.length; part++) {
    const { distances } = parts[part].hits[query];
    if (places[part] >= distances.length) continue;
    const distance = distances[places[part]];
    if (best >= 0 && distance >= least) continue;
    best = part;
    least = distance;
  }
  return best;
}

/** Collects what lies within a radius, query by query. */
export class RangeCollector {
  readonly #metric: Metric;
  readonly #limits: number[] = [0];
  readonly #labels: number[] = [];
  readonly #distances: number[] = [];
  #found: { label: number; distance: number }[] = [];

  constructor(metric: Metric) {
    this.#metric = metric;
  }

  offer(label: number, distance: number): void {
    this.#found.push({ label, distance });
  }

  /** Ends a query. */
  next(): void {
    this.#found.sort((a, b) => a.distance - b.distance || a.label - b.label);
    for (const { label, distance } of this.#found) {
      this.#labels.push(label);
      this.#distances.push(shownDistance(this.#metric, distance));
    }
    this.#found = [];
    this.#limits.push(this.#labels.length);
  }

  finish(): RangeHits {
    return {
      limits: Uint32Array.from(this.#limits),
      labels: Int32Array.from(this.#labels),
      distances: Float32Array.from(this.#distances),
    };
  }
}
