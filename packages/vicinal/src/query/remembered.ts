/**
 * A filter that is asked for the same rows by several queries of one request: what it came to in a segment is kept until a write
 * changes something. Rows that die without a write, since they move to another segment, are taken out anew each time.
 * Memory: a bit for each row, as long as the request lasts.
 */
import type { CompiledFilter, SegmentView } from "../payload/filter.js";
import { andBits, bitWords, countBits } from "../runtime/bits.js";

interface Found {
  sequence: number | undefined;
  bits: Uint32Array;
}

export function remembered(filter: CompiledFilter): CompiledFilter {
  const found = new Map<object, Found>();
  return { ...filter, evaluate: (view, bits) => evaluate(filter, found, view, bits) };
}

function evaluate(
  filter: CompiledFilter,
  found: Map<object, Found>,
  view: SegmentView,
  bits: Uint32Array,
): number {
  const { segment, sequence, live, rowCount } = view;
  const known = segment && found.get(segment);
  if (!known || known.sequence !== sequence) {
    const count = filter.evaluate(view, bits);
    if (segment) found.set(segment, { sequence, bits: bits.slice(0, bitWords(rowCount)) });
    return count;
  }
  bits.fill(0);
  bits.set(known.bits);
  if (live) andBits(bits, live);
  return countBits(bits);
}
