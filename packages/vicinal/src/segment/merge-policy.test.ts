import { expect, test } from "vitest";
import { MERGE_AMPLIFICATION, MERGE_CREDIT_BYTES, SEGMENT_BYTES } from "./defaults.js";
import { type Candidate, mergeGroup } from "./merge-policy.js";

const MIB = 2 ** 20;

function candidate(id: number, mib: number, indexed = false): Candidate {
  const rows = mib * 1000;
  const column = { index: { family: indexed ? "hnsw" : "flat" }, count: rows, store: { count: rows } };
  return {
    id,
    rowCount: rows,
    liveCount: rows,
    vectorBytes: () => mib * MIB,
    vectors: new Map([["", column]]) as unknown as Candidate["vectors"],
  };
}

const ids = (group: Candidate[] | undefined) => group?.map(({ id }) => id);

test("folds the small into the largest, whose graph comes first", () => {
  expect(ids(mergeGroup([candidate(1, 32), candidate(2, 400, true), candidate(3, 32)], 1e12))).toEqual([
    2, 1, 3,
  ]);
  expect(ids(mergeGroup([candidate(1, 32), candidate(2, 32, true)], 1e12))).toEqual([2, 1]);
});

test("leaves one segment, and what is full, alone", () => {
  expect(mergeGroup([], 1e12)).toBeUndefined();
  expect(mergeGroup([candidate(1, 32)], 1e12)).toBeUndefined();
  const full = SEGMENT_BYTES / MIB;
  expect(mergeGroup([candidate(1, full, true), candidate(2, full, true)], 1e12)).toBeUndefined();
  // What no longer fits the full one is merged among itself.
  expect(ids(mergeGroup([candidate(1, full, true), candidate(2, 64), candidate(3, 32)], 1e12))).toEqual([
    2, 3,
  ]);
});

test("does not spend more than the credit", () => {
  const segments = [candidate(1, 1000, true), candidate(2, 32), candidate(3, 16)];
  expect(ids(mergeGroup(segments, 100 * MIB))).toEqual([2, 3]);
  expect(mergeGroup(segments, 40 * MIB)).toBeUndefined();
});

test("bounds the amplification of a long import, and the number of segments", () => {
  let segments: Candidate[] = [];
  let credit = MERGE_CREDIT_BYTES;
  let rewritten = 0;
  let most = 0;
  for (let id = 1; id <= 300; id++) {
    segments.push(candidate(id, 32));
    credit += 32 * MIB * MERGE_AMPLIFICATION;
    for (let group = mergeGroup(segments, credit); group; group = mergeGroup(segments, credit)) {
      const mib = group.reduce((sum, segment) => sum + segment.vectorBytes() / MIB, 0);
      credit -= mib * MIB;
      rewritten += mib;
      const merged = new Set(group);
      segments = segments.filter((segment) => !merged.has(segment)).concat(candidate(1000 + id, mib, true));
    }
    most = Math.max(most, segments.length);
  }
  expect(rewritten / (300 * 32)).toBeLessThanOrEqual(MERGE_AMPLIFICATION + 0.1);
  // Six full segments hold what was written; a few smaller ones wait for credit.
  expect(most).toBeLessThanOrEqual(24);
});

test("takes what there is room for", () => {
  const segments = [candidate(1, 400, true), candidate(2, 32), candidate(3, 16)];
  const withinMib = (most: number) => (group: Candidate[]) =>
    group.reduce((sum, one) => sum + one.vectorBytes(), 0) <= most * MIB;
  expect(ids(mergeGroup(segments, 1e12, SEGMENT_BYTES, withinMib(1000)))).toEqual([1, 2, 3]);
  expect(ids(mergeGroup(segments, 1e12, SEGMENT_BYTES, withinMib(420)))).toEqual([1, 3]);
  expect(ids(mergeGroup(segments, 1e12, SEGMENT_BYTES, withinMib(100)))).toEqual([2, 3]);
  expect(mergeGroup(segments, 1e12, SEGMENT_BYTES, withinMib(40))).toBeUndefined();
});

test("counts the rows that live", () => {
  const half = { ...candidate(1, 1000), rowCount: 2_000_000 };
  expect(ids(mergeGroup([half, candidate(2, 900)], 1e12))).toEqual([1, 2]);
});
