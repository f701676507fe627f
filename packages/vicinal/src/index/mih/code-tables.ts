/**
 * Binary codes with a table per substring: layout, order of bits, and whether tables pay. Serves float vectors
 * (mih-index.ts) and native binary codes (hamming-index.ts); the tables are drawn in the kernels' mih.ts.
 *
 *   region of the codes:   [ head ][ order: bits u32 ][ codes: count x stride ]
 *   region of the tables:  [ starts ][ members ]
 */
import type { Kernels } from "../../runtime/kernels.js";
import type { Arena } from "../../runtime/memory.js";

/** A table has 2^length starts: longer substrings would take more memory than they save. */
const LONGEST = 24;
/** Codes that the order of bits and the worth of tables are judged by. */
const SAMPLE = 512;
/** Costs in units of 8 bytes compared, as in the kernels' mih.ts. */
const LOOKUP_COST = 12;
const MEMBER_COST = 48;
const JUDGED_QUERIES = 16;

export interface Place {
  arena: Arena;
  kernels: Kernels;
}

/** Addresses and sizes; can be posted. */
export interface CodeLayout {
  bits: number;
  stride: number;
  count: number;
  /** 0: no tables. */
  parts: number;
  region: number;
  head: number;
  /** Bit j of a code is bit order[j] as it came. */
  order: number;
  codes: number;
  tables: number;
  starts: number;
  members: number;
  codeBytes: number;
  tableBytes: number;
}

const align = (bytes: number) => Math.ceil(bytes / 64) * 64;

/** Substrings of about log2(count) bits (Norouzi et al.): a look-up then meets about one code. */
export function partsFor(bits: number, count: number): number {
  const length = Math.min(LONGEST, Math.max(1, Math.round(Math.log2(Math.max(2, count)))));
  return Math.ceil(bits / length);
}

/** Takes both regions, or only that of the codes when `parts` is 0. */
export function allocateCodes(
  { arena, kernels }: Place,
  shape: Pick<CodeLayout, "bits" | "stride" | "count" | "parts">,
): CodeLayout {
  const { bits, stride, count, parts } = shape;
  const headBytes = align(kernels.mihBytes());
  const orderBytes = align(bits * 4);
  const codeBytes = headBytes + orderBytes + align(count * stride);
  let startCount = 0;
  for (let part = 0; part < parts; part++) startCount += 2 ** lengthOf(shape, part) + 1;
  const tableBytes = parts > 0 ? align(startCount * 4) + align(parts * count * 4) : 0;
  const region = arena.allocate(codeBytes);
  let tables = 0;
  try {
    if (parts > 0) tables = arena.allocate(tableBytes);
  } catch (error) {
    arena.release(region);
    throw error;
  }
  return {
    ...shape,
    region,
    head: region,
    order: region + headBytes,
    codes: region + headBytes + orderBytes,
    tables,
    starts: tables,
    members: tables + align(startCount * 4),
    codeBytes,
    tableBytes,
  };
}

function lengthOf({ bits, parts }: Pick<CodeLayout, "bits" | "parts">, part: number): number {
  return Math.floor(bits / parts) + (part < bits % parts ? 1 : 0);
}

/** The layout without its tables, which are given back. */
export function dropTables({ arena }: Place, layout: CodeLayout): CodeLayout {
  if (layout.tables) arena.release(layout.tables);
  return { ...layout, parts: 0, tables: 0, starts: 0, members: 0, tableBytes: 0 };
}

export function releaseCodes({ arena }: Place, layout: CodeLayout): void {
  if (layout.tables) arena.release(layout.tables);
  arena.release(layout.region);
}

/** Describes the codes to the kernels. */
export function openCodes({ kernels }: Place, layout: CodeLayout): void {
  const { head, codes, stride, bits, count, parts, starts, members } = layout;
  kernels.initMih(head, codes, stride, bits, count, parts, starts, members);
}

/** A thread's scratch: [ code as it came ][ code in order ][ scratch of the search ]. */
export function allocateWork({ arena, kernels }: Place, layout: CodeLayout): number {
  const work = arena.allocate(2 * layout.stride + kernels.mihWorkBytes(layout.bits, layout.count));
  kernels.initMihWork(work + 2 * layout.stride, layout.bits);
  return work;
}

/**
 * Spreads bits that go together over the parts, so that the members of a table's values are balanced: bits in turn go
 * to the part with room whose bits they agree with least. `source`: codes as they came. Without parts the order stays.
 */
export function orderBits({ arena }: Place, layout: CodeLayout, source: number): void {
  const { bits, stride, count, parts } = layout;
  const order = layout.order >>> 2;
  for (let j = 0; j < bits; j++) arena.u32[order + j] = j;
  if (parts < 2 || count < 2) return;
  const columns = sampleColumns(arena, source, { bits, stride, count });
  const members: number[][] = Array.from({ length: parts }, () => []);
  for (let bit = 0; bit < bits; bit++) {
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let part = 0; part < parts; part++) {
      if (members[part].length === lengthOf(layout, part)) continue;
      let sum = 0;
      for (const other of members[part]) sum += dependence(columns[bit], columns[other]);
      // Equal sums: the emptier part.
      const cost = sum + members[part].length * 1e-9;
      if (cost < least) {
        least = cost;
        best = part;
      }
    }
    members[best].push(bit);
  }
  members.flat().forEach((bit, j) => {
    arena.u32[order + j] = bit;
  });
}

/** Each bit's values over a sample of codes, as +1 and -1 about their mean. */
function sampleColumns(
  arena: Arena,
  source: number,
  { bits, stride, count }: Pick<CodeLayout, "bits" | "stride" | "count">,
): Float32Array[] {
  const taken = Math.min(SAMPLE, count);
  return Array.from({ length: bits }, (_, bit) => {
    const column = new Float32Array(taken);
    let mean = 0;
    for (let i = 0; i < taken; i++) {
      const code = source + Math.floor((i * count) / taken) * stride;
      column[i] = (arena.u32[(code >>> 2) + (bit >>> 5)] >>> (bit & 31)) & 1;
      mean += column[i] / taken;
    }
    let norm = 0;
    for (let i = 0; i < taken; i++) {
      column[i] -= mean;
      norm += column[i] ** 2;
    }
    const scale = norm > 0 ? 1 / Math.sqrt(norm) : 0;
    for (let i = 0; i < taken; i++) column[i] *= scale;
    return column;
  });
}

/** Squared correlation. */
function dependence(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum * sum;
}

/**
 * Whether searches for k codes through the tables would cost less than scans: by the radius that sampled codes need. The
 * codes are open, and in order. `heap`: k u64.
 */
export function tablesPay(
  { arena, kernels }: Place,
  layout: CodeLayout,
  k: number,
  work: number,
  heap: number,
): boolean {
  const { count, parts, codes, stride, head } = layout;
  if (count === 0 || parts === 0) return false;
  let pay = 0;
  for (let i = 0; i < JUDGED_QUERIES; i++) {
    const code = codes + Math.floor((i * count) / JUDGED_QUERIES) * stride;
    const found = kernels.mihSearch(head, work + 2 * stride, code, 0, Math.min(k, count), heap, 2);
    const radius = arena.u32[(heap >>> 2) + 2 * found - 1];
    if (tableCost(layout, radius) < scanCost(layout)) pay++;
  }
  return pay * 2 > JUDGED_QUERIES;
}

export function scanCost({ count, stride }: Pick<CodeLayout, "count" | "stride">): number {
  return (count * stride) / 8;
}

/** Cost of a search through the tables that must complete a radius, if values were spread evenly. */
export function tableCost(layout: Pick<CodeLayout, "bits" | "parts" | "count">, radius: number): number {
  const { parts, count } = layout;
  let cost = 0;
  for (let part = 0; part < parts; part++) {
    const length = lengthOf(layout, part);
    const deepest = Math.floor((radius - part) / parts);
    let values = 1;
    for (let s = 0; s <= Math.min(deepest, length); s++) {
      cost += values * (LOOKUP_COST + (MEMBER_COST * count) / 2 ** length);
      values = (values * (length - s)) / (s + 1);
    }
  }
  return cost;
}
