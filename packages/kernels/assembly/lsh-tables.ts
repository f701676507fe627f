// Filling the hash tables from fingerprints.

import { Lsh } from "./lsh";

/** Sorts a table's fingerprints into its cells. */
export function lshFill(l: Lsh, table: u32, fingerprints: usize): void {
  const starts = l.startsOf(table);
  const entries = l.entriesOf(table);
  const cells = l.cells();
  memory.fill(starts, 0, (<usize>cells + 1) << 2);
  for (let i: u32 = 0; i < l.count; i++) {
    const at = starts + (<usize>l.cellOf(load<u32>(fingerprints + (<usize>i << 2))) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let sum: u32 = 0;
  for (let cell: u32 = 0; cell <= cells; cell++) {
    const at = starts + (<usize>cell << 2);
    sum += load<u32>(at);
    store<u32>(at, sum);
  }
  // From behind, so that each start ends at its cell's first entry and ordinals rise.
  for (let i = l.count; i > 0; i--) {
    const fingerprint = load<u32>(fingerprints + (<usize>(i - 1) << 2));
    const at = starts + (<usize>l.cellOf(fingerprint) << 2);
    const place = load<u32>(at) - 1;
    store<u32>(at, place);
    store<u32>(entries + (<usize>place << 3), fingerprint);
    store<u32>(entries + (<usize>place << 3), i - 1, 4);
  }
}

/** How many different fingerprints a table holds. */
export function lshBuckets(l: Lsh, table: u32): u32 {
  const entries = l.entriesOf(table);
  const starts = l.startsOf(table);
  let buckets: u32 = 0;
  for (let cell: u32 = 0; cell < l.cells(); cell++) {
    const from = load<u32>(starts + (<usize>cell << 2));
    const to = load<u32>(starts + (<usize>cell << 2), 4);
    for (let i = from; i < to; i++) {
      const fingerprint = load<u32>(entries + (<usize>i << 3));
      let j = from;
      while (load<u32>(entries + (<usize>j << 3)) != fingerprint) j++;
      if (j == i) buckets++;
    }
  }
  return buckets;
}
