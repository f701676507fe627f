/** WriteCounts: what was written since the collection was opened, for what was asked to be written. */
import type { Effect } from "./effects.js";

/** Bytes. */
export interface WriteReport {
  /** Vectors and payloads that came in. */
  ingested: number;
  /** Records of the log. */
  log: number;
  /** Segments as they were first saved, and what changed beside them since: deletions, payloads, field columns. */
  segments: number;
  /** Segments that merges and rewritings made, without their indexes. */
  merges: number;
  /** Indexes of vectors. */
  indexes: number;
  manifests: number;
  /** All that was written per byte that came in; 0 before any did. */
  amplification: number;
}

export class WriteCounts {
  ingested = 0;
  log = 0;
  segments = 0;
  merges = 0;
  indexes = 0;
  manifests = 0;

  report(): WriteReport {
    const { ingested, log, segments, merges, indexes, manifests } = this;
    const written = log + segments + merges + indexes + manifests;
    const amplification = ingested === 0 ? 0 : written / ingested;
    return { ingested, log, segments, merges, indexes, manifests, amplification };
  }
}

/** Bytes of the vectors and payloads that effects bring. */
export function ingestedBytes(effects: readonly Effect[]): number {
  let bytes = 0;
  for (const effect of effects) {
    if (effect.kind === "payload") bytes += effect.payload.length * effect.ids.length;
    if (effect.kind !== "upsert") continue;
    for (const { vectors, payload } of effect.points) {
      bytes += payload.length;
      for (const { vector } of vectors)
        bytes +=
          "data" in vector ? vector.data.byteLength : vector.terms.byteLength + vector.values.byteLength;
    }
  }
  return bytes;
}
