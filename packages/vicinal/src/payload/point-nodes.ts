/** Nodes that ask the point itself: its id, its vectors. */
import { bitWords, hasBit, setBit } from "../runtime/bits.js";
import type { Node, SegmentView, Verdict } from "./filter-nodes.js";
import { type PointId, parsePointId } from "./id.js";
import { isInSlice, type Slice } from "./slice.js";

export function hasIdNode(given: readonly PointId[]): Node {
  const ids = new Set(given.map((id) => parsePointId(id)));
  const rowsOf = (view: SegmentView): number[] =>
    [...ids].map((id) => view.rowOfId(id)).filter((row) => row >= 0 && row < view.rowCount);
  return {
    matches: ({ id }) => id !== undefined && ids.has(id),
    verdict(view) {
      const yes = new Uint32Array(bitWords(view.rowCount));
      for (const row of rowsOf(view)) setBit(yes, row);
      return { yes, may: yes.slice() };
    },
    estimate(view) {
      const count = rowsOf(view).length;
      return { min: count, expected: count, max: count };
    },
  };
}

export function hasVectorNode(name: string): Node {
  return {
    matches: (row) => row.hasVector?.(name) === true,
    verdict: (view) => decided(view, (row) => view.hasVector(name, row)),
    estimate: ({ rowCount }) => ({ min: 0, expected: rowCount, max: rowCount }),
  };
}

export function sliceNode(slice: Slice): Node {
  return {
    matches: ({ id }) => id !== undefined && isInSlice(id, slice),
    verdict: (view) => decided(view, (row) => isInSlice(view.idOfRow(row), slice)),
    estimate: ({ rowCount }) => ({ min: 0, expected: rowCount / slice.total, max: rowCount }),
  };
}

/** The rows that pass a test, of which each can be asked. Dead rows are not. */
function decided(view: SegmentView, test: (row: number) => boolean): Verdict {
  const yes = new Uint32Array(bitWords(view.rowCount));
  for (let row = 0; row < view.rowCount; row++) {
    if (view.live && !hasBit(view.live, row)) continue;
    if (test(row)) setBit(yes, row);
  }
  return { yes, may: yes.slice() };
}
