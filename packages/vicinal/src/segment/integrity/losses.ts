/** What could not be salvaged, point by point where ids are known. */
import type { PointId } from "../../payload/id.js";

/** Ids that are named; the others are counted. */
const NAMED = 100;

export interface LossReport {
  /** Rows whose ids are lost, and with them the points. */
  points: number;
  /** Points that are there, but without something: how many lost what, and the first ids. */
  incomplete: { what: string; count: number; ids: PointId[] }[];
  /** Rows of which nobody knows whether their point had been deleted: they are there. */
  deletions: number;
  /** Changes of payloads that are lost: older payloads are there again. */
  payloadChanges: number;
  /** Whole files of such changes: nobody knows of how many. */
  patches: number;
  /** Numbers of records of the log that are lost, whatever they wrote. */
  records: { first: number; last: number }[];
}

export class Losses {
  points = 0;
  deletions = 0;
  payloadChanges = 0;
  patches = 0;
  records: LossReport["records"] = [];
  readonly #incomplete = new Map<string, { count: number; ids: PointId[] }>();

  note(id: PointId, what: string): void {
    const entry = this.#incomplete.get(what) ?? { count: 0, ids: [] };
    this.#incomplete.set(what, entry);
    entry.count++;
    if (entry.ids.length < NAMED) entry.ids.push(id);
  }

  report(): LossReport {
    const { points, deletions, payloadChanges, patches, records } = this;
    const incomplete = [...this.#incomplete].map(([what, entry]) => ({ what, ...entry }));
    return { points, incomplete, deletions, payloadChanges, patches, records };
  }
}
