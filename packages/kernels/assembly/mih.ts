// Multi-index hashing: the k nearest binary codes, exactly, without comparing with all.
//
// A code is cut into `parts` substrings of nearly equal length, each with a table from its value to the codes that have
// it. If two codes differ in at most r bits, one of their substrings differs in at most floor(r / parts). So the
// values within distance s of the query's are looked up, s = 0, 1, ..., part after part. After (s, part) every code
// within s * parts + part was met: codes that were not differ in s + 1 bits or more in the parts done and in s or more
// in the others, s * parts + part + 1 together. Once k codes within that radius are known, they are the answer.
//
//   table of a part:  starts: (2^bits + 1) u32, one part after the other;   members: count u32, by value, rising

import { binaryScan, hamming } from "./binary";
import { offer, sortHeap } from "./keys";

@unmanaged
export class Mih {
  codes: usize;
  stride: usize;
  bits: u32;
  count: u32;
  /** 0: no tables, every search is a scan. */
  parts: u32;
  starts: usize;
  members: usize;

  /** Bits of a part: the first `bits mod parts` have one more. */
  @inline bitsOf(part: u32): u32 {
    return this.bits / this.parts + (part < this.bits % this.parts ? 1 : 0);
  }
  @inline firstOf(part: u32): u32 {
    return part * (this.bits / this.parts) + min(part, this.bits % this.parts);
  }
  @inline startsOf(part: u32): usize {
    const longer = min(part, this.bits % this.parts);
    const short: usize = 1 << (this.bits / this.parts);
    return this.starts + (((<usize>longer * (2 * short + 1)) + <usize>(part - longer) * (short + 1)) << 2);
  }
  @inline membersOf(part: u32): usize {
    return this.members + ((<usize>part * this.count) << 2);
  }
}

/** A thread's scratch: counts of the codes met by distance (bits + 1 u32), and a bit per code for those met. */
@unmanaged
class MihWork {
  /** Of the last search: codes compared, values looked up, and whether it fell back to the scan. */
  scored: u32;
  probed: u32;
  scanned: u32;
  counts: usize;
  visited: usize;
  // The search under way.
  query: usize;
  filter: usize;
  heap: usize;
  k: u32;
  size: u32;
}

export function mihBytes(): usize {
  return offsetof<Mih>();
}

export function initMih(
  at: Mih, codes: usize, stride: usize, bits: u32, count: u32, parts: u32, starts: usize, members: usize,
): void {
  at.codes = codes;
  at.stride = stride;
  at.bits = bits;
  at.count = count;
  at.parts = parts;
  at.starts = starts;
  at.members = members;
}

export function mihWorkBytes(bits: u32, count: u32): usize {
  return ((offsetof<MihWork>() + 7) & ~7) + ((<usize>bits + 2) << 2) + ((<usize>(count + 31) >> 5) << 2);
}

export function initMihWork(w: MihWork, bits: u32): void {
  w.counts = changetype<usize>(w) + ((offsetof<MihWork>() + 7) & ~7);
  w.visited = w.counts + ((<usize>bits + 2) << 2);
}

/** `length` <= 24 bits of a code from bit `first` on. */
// @ts-ignore: decorator
@inline
function substring(code: usize, first: u32, length: u32): u32 {
  // A code's stride is a multiple of 8, so that only the last word can have no word after it.
  const word = code + ((<usize>first >> 5) << 2);
  const shift = first & 31;
  let value = load<u32>(word) >> shift;
  if (shift + length > 32) value |= load<u32>(word, 4) << (32 - shift);
  return value & ((1 << length) - 1);
}

/** Fills the table of a part. */
export function mihFill(m: Mih, part: u32): void {
  const first = m.firstOf(part);
  const length = m.bitsOf(part);
  const starts = m.startsOf(part);
  const members = m.membersOf(part);
  const values: u32 = 1 << length;
  memory.fill(starts, 0, (<usize>values + 1) << 2);
  for (let i: u32 = 0; i < m.count; i++) {
    const at = starts + (<usize>substring(m.codes + <usize>i * m.stride, first, length) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let sum: u32 = 0;
  for (let value: u32 = 0; value <= values; value++) {
    const at = starts + (<usize>value << 2);
    sum += load<u32>(at);
    store<u32>(at, sum);
  }
  for (let i = m.count; i > 0; i--) {
    const at = starts + (<usize>substring(m.codes + <usize>(i - 1) * m.stride, first, length) << 2);
    const place = load<u32>(at) - 1;
    store<u32>(at, place);
    store<u32>(members + (<usize>place << 2), i - 1);
  }
}

/** Compares the members of a value that were not met before. */
// @ts-ignore: decorator
@inline
function lookUp(m: Mih, w: MihWork, starts: usize, members: usize, value: u32): void {
  const start = starts + (<usize>value << 2);
  let at = members + (<usize>load<u32>(start) << 2);
  const end = members + (<usize>load<u32>(start, 4) << 2);
  w.probed++;
  for (; at < end; at += 4) {
    const ordinal = load<u32>(at);
    const word = (<usize>ordinal >> 5) << 2;
    const bit: u32 = 1 << (ordinal & 31);
    const seen = load<u32>(w.visited + word);
    if (seen & bit) continue;
    store<u32>(w.visited + word, seen | bit);
    if (w.filter && !(load<u32>(w.filter + word) & bit)) continue;
    const distance = hamming(w.query, m.codes + <usize>ordinal * m.stride, m.stride);
    w.scored++;
    const counted = w.counts + (<usize>distance << 2);
    store<u32>(counted, load<u32>(counted) + 1);
    w.size = offer(w.heap, w.size, w.k, ((<u64>distance) << 32) | ordinal);
  }
}

/** Binomial coefficient, as a float: only compared with costs. */
function choose(n: u32, k: u32): f64 {
  let result: f64 = 1;
  for (let i: u32 = 0; i < k; i++) result = (result * <f64>(n - i)) / <f64>(i + 1);
  return result;
}

/**
 * Costs, in units of 8 bytes of code compared in a stream: a value looked up and a member met by it are random reads
 * (measured on 100,000 codes of 64 and 256 bits: 0.7 ns per unit, 30 to 40 ns per member).
 */
const LOOKUP_COST: f64 = 12;
const MEMBER_COST: f64 = 48;

/**
 * The k nearest codes to the query code (in the codes' order of bits), exactly: equal distances in order of ordinal. Falls
 * back to a scan when the next radius would cost more than one. The sorted keys [ distance : 32 ][ ordinal : 32 ] are
 * in `heap`; returns how many. `mode`: 0 chooses, 1 always tables, 2 always scans.
 */
export function mihSearch(m: Mih, w: MihWork, query: usize, filter: usize, k: u32, heap: usize, mode: u32): u32 {
  w.scored = 0;
  w.probed = 0;
  w.scanned = 0;
  w.query = query;
  w.filter = filter;
  w.heap = heap;
  w.k = k;
  w.size = 0;
  if (m.count == 0 || k == 0) return 0;
  const done = m.parts && mode != 2 ? searchTables(m, w, mode == 1) : false;
  if (!done) {
    w.scanned = 1;
    w.scored += m.count;
    w.size = binaryScan(query, m.codes, m.stride, 0, m.count, filter, k, heap, 0);
  }
  sortHeap(heap, w.size);
  return w.size;
}

/** How many values lie at distance s of a query's, in all parts. */
function valuesAt(m: Mih, s: u32): f64 {
  let values: f64 = 0;
  for (let part: u32 = 0; part < m.parts; part++) {
    const length = m.bitsOf(part);
    if (s <= length) values += choose(length, s);
  }
  return values;
}

/** How many members they have together, if the codes are spread evenly. */
function membersAt(m: Mih, s: u32): f64 {
  let members: f64 = 0;
  for (let part: u32 = 0; part < m.parts; part++) {
    const length = m.bitsOf(part);
    if (s <= length) members += (choose(length, s) * <f64>m.count) / <f64>(<u32>1 << length);
  }
  return members;
}

/** False when it gave up, since a scan costs less. */
function searchTables(m: Mih, w: MihWork, always: bool): bool {
  memory.fill(w.counts, 0, (<usize>m.bits + 1) << 2);
  memory.fill(w.visited, 0, (<usize>(m.count + 31) >> 5) << 2);
  const parts = m.parts;
  const scan = <f64>m.count * <f64>(m.stride >> 3);
  const longest = m.bitsOf(0);
  /** Members that the rounds before would have met if codes were spread evenly. */
  let evenly: f64 = 0;
  /** Codes within the radius that is complete, and the distances counted into it. */
  let within: u32 = 0;
  let radius: u32 = 0;
  for (let s: u32 = 0; s <= longest; s++) {
    // A whole round at once: a search that would give up in its middle had better not begin it. Near a query there
    // are more codes than elsewhere, the fewer the farther from it: the root of the density met so far is a fair
    // guess (measured on 64 and 256 bits: without it searches begin dear rounds, with all of it they give up good ones).
    const members = membersAt(m, s);
    const density = evenly > 0 ? sqrt(max<f64>(1, <f64>w.scored / evenly)) : 1;
    const spent = <f64>w.probed * LOOKUP_COST + <f64>w.scored * MEMBER_COST;
    const round = valuesAt(m, s) * LOOKUP_COST + members * density * MEMBER_COST;
    if (!always && spent + round > scan) return false;
    evenly += members;
    for (let part: u32 = 0; part < parts; part++) {
      const length = m.bitsOf(part);
      if (s <= length) {
        const starts = m.startsOf(part);
        const members = m.membersOf(part);
        const own = substring(w.query, m.firstOf(part), length);
        if (s == 0) lookUp(m, w, starts, members, own);
        else {
          // All words with s bits set, rising: the next has the same number of bits (Gosper's hack).
          const end: u32 = 1 << length;
          for (let flips: u32 = (1 << s) - 1; flips < end; ) {
            lookUp(m, w, starts, members, own ^ flips);
            const low = flips & -flips;
            const carried = flips + low;
            flips = (((carried ^ flips) >> 2) / low) | carried;
          }
        }
      }
      // Complete up to s * parts + part.
      for (const stop = min(m.bits, s * parts + part); radius <= stop; radius++) {
        within += load<u32>(w.counts + (<usize>radius << 2));
      }
      if (within >= w.k) return true;
    }
  }
  return true;
}
