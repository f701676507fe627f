/**
 * WorkPlan: what the optimizer does next, and what it would do if there were room. Durability first, then what
 * gives space back, then field columns, indexes and merges.
 */
import type { Room } from "../runtime/resources.js";
import {
  DELETED_THRESHOLD,
  LOG_MIN_BYTES,
  LOG_SHARE,
  SEGMENT_SHARE,
  SMALL_COLLECTION_BYTES,
  VACUUM_MIN_BYTES,
  VACUUM_MIN_ROWS,
} from "./defaults.js";
import type { IndexWork } from "./index-work.js";
import { segmentBytes } from "./memory-budget.js";
import { mergeGroup } from "./merge-policy.js";
import type { Segment } from "./segment.js";
import { deadBytes, liveBytes, mergeNeed, unindexedNeed } from "./segment-size.js";
import type { CollectionState } from "./state.js";

export type Work =
  | { kind: "checkpoint" }
  | { kind: "drop"; segments: Segment[] }
  | { kind: "persist"; segment: Segment; need: Room }
  | { kind: "field"; segment: Segment; path: string }
  | { kind: "index"; segment: Segment; need: Room }
  | { kind: "merge"; segments: Segment[]; need: Room };

export interface Plan {
  work?: Work;
  /** What would be done if there were room for it, and what it needs. */
  waiting?: { what: string; need: Room };
}

export interface Situation {
  readonly state: CollectionState;
  readonly indexes: IndexWork;
  /** Whether segments have files. */
  readonly kept: boolean;
  /** Bytes that the log has grown by since the last checkpoint. */
  readonly logBytes: number;
  /** Something was changed that the manifest does not say yet. */
  readonly unsaved: boolean;
  readonly creditBytes: number;
  /** As few segments as fit, at any cost. */
  readonly everything: boolean;
}

/** The most urgent work that fits the room. */
export function planWork(situation: Situation, room: Room): Plan {
  const { state, indexes, kept } = situation;
  const sealed = state.sealedSegments();
  const fits = (need: Room) => need.disk <= room.disk && need.memory <= room.memory;
  let waiting: Plan["waiting"];
  /** The first that fits; the first of all is what waits if none does. */
  const firstFitting = <T>(
    candidates: T[],
    needOf: (candidate: T) => Room,
    what: (candidate: T) => string,
  ) => {
    const found = candidates.find((candidate) => fits(needOf(candidate)));
    if (found === undefined && candidates.length > 0)
      waiting ??= { what: what(candidates[0]), need: needOf(candidates[0]) };
    return found;
  };

  const empty = sealed.filter((segment) => segment.liveCount === 0);
  if (empty.length > 0) return { work: { kind: "drop", segments: empty } };
  if (kept) {
    const unsaved = sealed.filter((segment) => segment.files === undefined);
    const segment = firstFitting(unsaved, mergedNeed, () => "Saving of a segment");
    if (segment) return { work: { kind: "persist", segment, need: mergedNeed(segment) } };
    if (situation.unsaved || sealed.some(hasNeedlessFiles)) return { work: { kind: "checkpoint" } };
    if (unsaved.length === 0 && situation.logBytes > logBound(state)) return { work: { kind: "checkpoint" } };
  }
  const field = fieldWork(state);
  if (field) return { work: field };
  const group = firstFitting(vacuums(situation, sealed), mergeNeed, describeMerge);
  if (group) return { work: { kind: "merge", segments: group, need: mergeNeed(group) } };
  const merge = mergeWork(situation, sealed, room);
  if (merge.work) return merge;
  waiting ??= merge.waiting;
  const bare = sealed.filter((segment) => indexes.isBare(segment));
  const stale = bare.length > 0 ? bare : sealed.filter((segment) => indexes.isStale(segment));
  const segment = firstFitting(stale, unindexedNeed, () => "Building of an index");
  if (segment) return { work: { kind: "index", segment, need: unindexedNeed(segment) } };
  return { waiting };
}

/** A column that a field index asks for and a segment does not have. */
export function fieldWork(state: CollectionState): Work | undefined {
  for (const segment of state.sealedSegments())
    for (const path of Object.keys(state.config.fields))
      if (!segment.fields.has(path)) return { kind: "field", segment, path };
  return undefined;
}

function mergedNeed(segment: Segment): Room {
  return { disk: liveBytes(segment), memory: 0 };
}

function describeMerge(segments: readonly Segment[]): string {
  return segments.length === 1 ? "Rewriting of a segment" : `Merge of ${segments.length} segments`;
}

/** Vectors or fields that were dropped leave files behind, which the next manifest does not name. */
function hasNeedlessFiles(segment: Segment): boolean {
  const { files } = segment;
  if (!files) return false;
  const isGone = ({ name, born = 0 }: { name: string; born?: number }) => segment.column(name)?.born !== born;
  return (
    files.vectors.some(isGone) ||
    (files.sparse ?? []).some(isGone) ||
    files.fields.some(({ path }) => !segment.fields.has(path))
  );
}

/** Bytes of the log from which on it is made shorter. */
function logBound(state: CollectionState): number {
  let bytes = 0;
  for (const segment of state.segments()) bytes += segment.vectorBytes() + segment.payloads.heapBytes;
  return Math.max(LOG_MIN_BYTES, bytes * LOG_SHARE);
}

/** Segments that hold too many dead rows. */
export function dirtySegments(state: CollectionState): Segment[] {
  const { deleted_threshold } = state.config.optimizers;
  const threshold = typeof deleted_threshold === "number" ? deleted_threshold : DELETED_THRESHOLD;
  return state.sealedSegments().filter((segment) => segment.deadCount > threshold * segment.rowCount);
}

/** What is to be rewritten to be rid of dead rows, those first that free most for what they need. */
function vacuums({ state, indexes }: Situation, sealed: Segment[]): Segment[][] {
  const { vacuum_min_vector_number } = state.config.optimizers;
  const leastRows = typeof vacuum_min_vector_number === "number" ? vacuum_min_vector_number : VACUUM_MIN_ROWS;
  const dirty = [
    ...new Set([...dirtySegments(state), ...sealed.filter((segment) => indexes.isExpired(segment))]),
  ];
  const large = dirty.filter(
    (segment) => segment.rowCount >= leastRows || deadBytes([segment]) >= VACUUM_MIN_BYTES,
  );
  const groups = large.map((segment) => [segment]);
  // Those too small to be worth it alone may be so together.
  const small = dirty.filter((segment) => !large.includes(segment) && segment.deadCount > 0);
  if (small.reduce((sum, { deadCount }) => sum + deadCount, 0) >= leastRows) groups.push(small);
  const gain = (group: Segment[]) => deadBytes(group) / Math.max(1, mergeNeed(group).disk);
  return groups.sort((a, b) => gain(b) - gain(a));
}

function mergeWork({ state, creditBytes, everything }: Situation, sealed: Segment[], room: Room): Plan {
  const credit = everything ? Number.POSITIVE_INFINITY : creditBytes;
  const most = everything ? segmentBytes(state.config) : mostBytes(state);
  const fits = (group: Segment[]) => {
    const need = mergeNeed(group);
    return need.disk <= room.disk && need.memory <= room.memory;
  };
  const group = mergeGroup(sealed, credit, most, fits);
  if (group) return { work: { kind: "merge", segments: group, need: mergeNeed(group) } };
  const larger = mergeGroup(sealed, credit, most);
  return larger ? { waiting: { what: describeMerge(larger), need: mergeNeed(larger) } } : {};
}

/** Vector bytes of a segment at most: as memory allows, and no more than a share of a large collection. */
export function mostBytes(state: CollectionState): number {
  let bytes = 0;
  for (const segment of state.segments()) bytes += segment.vectorBytes();
  return Math.min(segmentBytes(state.config), Math.max(SMALL_COLLECTION_BYTES, bytes * SEGMENT_SHARE));
}
