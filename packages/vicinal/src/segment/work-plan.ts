/**
 * WorkPlan: what the optimizer does next, and what it would do if there were room. Durability first, then what
 * gives space back, then field columns, indexes and merges.
 */
import type { FreeRoom, Room } from "../runtime/resources.js";
import {
  DEAD_BLOB_BYTES,
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
import { deadBytes, liveBytes, mergeNeed, partNeed, unindexedNeed } from "./segment-size.js";
import type { CollectionState } from "./state.js";

export type Work =
  | { kind: "checkpoint" }
  | { kind: "drop"; segments: Segment[] }
  | { kind: "persist"; segment: Segment; need: Room }
  | { kind: "field"; segment: Segment; path: string }
  | { kind: "index"; segment: Segment; need: Room }
  | { kind: "merge"; segments: Segment[]; need: Room }
  /** So many rows get a segment of their own. */
  | { kind: "part"; segment: Segment; rows: number; need: Room };

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

/** The most urgent work that fits the room, and what does not fit though it is more urgent. */
export function planWork(situation: Situation, room: FreeRoom): Plan {
  const { state, indexes, kept } = situation;
  const sealed = state.sealedSegments();
  const leaving = sealed.filter((segment) => isLeaving(state, segment));
  const plan: Plan = {};
  /** Chooses the first that fits; the first of all is what waits if none does. */
  const choose = <W extends Work & { need: Room }>(works: W[], what: (work: W) => string, within = room) => {
    plan.work = works.find(({ need }) => fits(need, within));
    if (!plan.work && works.length > 0) plan.waiting ??= { what: what(works[0]), need: works[0].need };
    return plan.work !== undefined;
  };

  const empty = sealed.filter((segment) => segment.liveCount === 0);
  if (empty.length > 0) return { work: { kind: "drop", segments: empty } };
  if (state.deadBlobBytes > (situation.everything ? 0 : DEAD_BLOB_BYTES))
    return { work: { kind: "checkpoint" } };
  if (kept) {
    const unsaved = sealed.filter((segment) => segment.files === undefined);
    // What is saved makes the log shorter, for which the reserve is.
    const whole = { ...room, disk: room.disk + room.reserve };
    if (choose(unsaved.map(persistWork), () => "Saving of a segment", whole)) return plan;
    if (situation.unsaved || sealed.some(hasNeedlessFiles)) return { ...plan, work: { kind: "checkpoint" } };
    if (unsaved.length === 0 && situation.logBytes > logBound(state)) return { work: { kind: "checkpoint" } };
  }
  const field = fieldWork(state);
  if (field) return { ...plan, work: field };
  if (
    choose(
      leaving.map((segment) => partWork(state, segment)),
      () => "Moving of vectors to the disk",
    )
  )
    return plan;
  if (choose(vacuums(situation, sealed).map(mergeWork), describeMerge)) return plan;
  if (choose(merges(situation, sealed, room).map(mergeWork), describeMerge)) return plan;
  const bare = sealed.filter((segment) => indexes.isBare(segment));
  const stale = sealed.filter((segment) => indexes.isStale(segment) && !leaving.includes(segment));
  const unindexed = bare.length > 0 ? bare : stale;
  choose(unindexed.map(indexWork), () => "Building of an index");
  return plan;
}

function fits(need: Room, { disk, memory }: FreeRoom): boolean {
  return need.disk <= disk && need.memory <= memory;
}

function persistWork(segment: Segment) {
  return { kind: "persist" as const, segment, need: { disk: liveBytes(segment), memory: 0 } };
}

function mergeWork(segments: Segment[]) {
  return { kind: "merge" as const, segments, need: mergeNeed(segments) };
}

/**
 * Whether files serve vectors of it until they lie on disk as the memory budget asks for. Its segment is larger than others under
 * that budget, so it goes part by part.
 */
function isLeaving(state: CollectionState, segment: Segment): boolean {
  for (const column of segment.vectors.values()) if (state.leaves(column)) return true;
  return false;
}

/** Parts of the same size, none larger than segments are under the budget. */
function partWork(state: CollectionState, segment: Segment) {
  const { liveCount, rowCount } = segment;
  const liveVectorBytes = (segment.vectorBytes() * liveCount) / rowCount;
  const rows = Math.ceil(liveCount / Math.ceil(liveVectorBytes / segmentBytes(state.config, state.budget)));
  return { kind: "part" as const, segment, rows, need: partNeed(segment, rows) };
}

function indexWork(segment: Segment) {
  return { kind: "index" as const, segment, need: unindexedNeed(segment) };
}

function describeMerge({ segments }: { segments: readonly Segment[] }): string {
  return segments.length === 1 ? "Rewriting of a segment" : `Merge of ${segments.length} segments`;
}

/** A column that a field index asks for and a segment does not have. */
export function fieldWork(state: CollectionState): Work | undefined {
  for (const segment of state.sealedSegments())
    for (const path of Object.keys(state.config.fields))
      if (!segment.fields.has(path)) return { kind: "field", segment, path };
  return undefined;
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
  const isDirty = (segment: Segment) => segment.deadCount > threshold * segment.rowCount;
  return state.sealedSegments().filter((segment) => isDirty(segment) && !isLeaving(state, segment));
}

/** What is to be rewritten to be rid of dead rows, those first that free most for what they need. */
function vacuums({ state, indexes }: Situation, sealed: Segment[]): Segment[][] {
  const { vacuum_min_vector_number } = state.config.optimizers;
  const leastRows = typeof vacuum_min_vector_number === "number" ? vacuum_min_vector_number : VACUUM_MIN_ROWS;
  const dirty = [
    ...new Set([
      ...dirtySegments(state),
      ...sealed.filter((segment) => indexes.isExpired(segment) && !isLeaving(state, segment)),
    ]),
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

/** What to merge within the room, or else what would be. */
function merges(
  { state, creditBytes, everything }: Situation,
  sealed: Segment[],
  room: FreeRoom,
): Segment[][] {
  const credit = everything ? Number.POSITIVE_INFINITY : creditBytes;
  const most = everything ? segmentBytes(state.config, state.budget) : mostBytes(state);
  const group =
    mergeGroup(sealed, credit, most, (candidates) => fits(mergeNeed(candidates), room)) ??
    mergeGroup(sealed, credit, most);
  return group ? [group] : [];
}

/** Vector bytes of a segment at most: as memory allows, and no more than a share of a large collection. */
export function mostBytes(state: CollectionState): number {
  let bytes = 0;
  for (const segment of state.segments()) bytes += segment.vectorBytes();
  return Math.min(
    segmentBytes(state.config, state.budget),
    Math.max(SMALL_COLLECTION_BYTES, bytes * SEGMENT_SHARE),
  );
}
