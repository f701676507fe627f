// Encoding the members of inverted lists, and the centroids themselves; ivf.ts draws the blocks.

import { BLOCK } from "./fast-scan";
import { dotOf, Encoding, Ivf, IvfSlot, residual } from "./ivf";
import { Metric } from "./metrics";
import { codebookEncode, codebookVector } from "./pq";
import { rabitqEncode, RABITQ_HEAD_BYTES } from "./rabitq";
import { byteEncode, residualFactors } from "./residual";

/** <c, x - c> */
// @ts-ignore: decorator
@inline
function innerResidual(c: usize, x: usize, dimensions: u32): f32 {
  return dotOf(c, x, dimensions) - dotOf(c, c, dimensions);
}

/** Encodes x against the centre c, whose rotated form relative to the origin is in the slot, into a lane of a block. */
function encodeOne(v: Ivf, s: IvfSlot, x: usize, c: usize, metric: Metric, block: usize, lane: u32, epsilon: f32): void {
  const inner: f32 = metric == Metric.Euclid ? 0 : innerResidual(c, x, v.dimensions);
  const factors = block + <usize>v.codeBytes() + (<usize>lane << 2);
  residual(v, x, c, s.rotated);
  if (v.encoding == Encoding.RaBitQ) {
    rabitqEncode(s.rotated, v.padded, 1, metric, s.centre, inner, epsilon, s.code);
    store<f32>(factors, load<f32>(s.code));
    store<f32>(factors, load<f32>(s.code, 4), 128);
    store<f32>(factors, load<f32>(s.code, 8), 256);
    for (let t: u32 = 0; t < v.tables; t++) {
      const word = load<u16>(s.code + RABITQ_HEAD_BYTES + (<usize>(t >> 2) << 1));
      putCode(block, lane, t, (<u32>word >> ((t & 3) << 2)) & 15);
    }
    return;
  }
  if (v.encoding == Encoding.Product) {
    codebookEncode(s.rotated, v.padded, v.tables, 16, v.codebooks, s.entries);
    for (let t: u32 = 0; t < v.tables; t++) putCode(block, lane, t, load<u8>(s.entries + t));
    codebookVector(s.entries, v.padded, v.tables, 16, v.codebooks, s.code);
  } else byteEncode(s.rotated, v.padded, 0, block + <usize>lane * <usize>v.padded, s.code);
  residualFactors(s.rotated, s.code, v.padded, metric, s.centre, inner, epsilon, factors, 128);
}

/** Encodes the members of lists from..to-1. */
export function ivfEncode(v: Ivf, s: IvfSlot, from: u32, to: u32, epsilon: f32): void {
  if (v.encoding == Encoding.Float) return;
  const blockBytes = <usize>v.blockBytes();
  for (let list = from; list < to; list++) {
    const c = v.centroid(list);
    residual(v, c, v.origin, s.centre);
    const size = load<u32>(v.sizes + (<usize>list << 2));
    const first = load<u32>(v.starts + (<usize>list << 2));
    const last = load<u32>(v.starts + (<usize>list << 2), 4);
    memory.fill(v.blocks + <usize>first * blockBytes, 0, <usize>(last - first) * blockBytes);
    for (let i: u32 = 0; i < size; i++) {
      const place = first * BLOCK + i;
      const x = v.rows + <usize>load<u32>(v.ids + (<usize>place << 2)) * (<usize>v.dimensions << 2);
      encodeOne(v, s, x, c, v.metric, v.blocks + <usize>(place / BLOCK) * blockBytes, place % BLOCK, epsilon);
    }
  }
}

/** Encodes the centroids against the origin, and numbers them. */
export function ivfEncodeCentroids(v: Ivf, s: IvfSlot, epsilon: f32): void {
  if (!v.coarse) return;
  const blockBytes = <usize>v.blockBytes();
  const blocks = (v.lists + BLOCK - 1) / BLOCK;
  memory.fill(v.coarse, 0, <usize>blocks * blockBytes);
  memory.fill(s.centre, 0, <usize>v.padded << 2);
  const metric = v.metric == Metric.Dot ? Metric.Dot : Metric.Euclid;
  for (let i: u32 = 0; i < v.lists; i++) {
    store<u32>(v.coarseIds + (<usize>i << 2), i);
    encodeOne(v, s, v.centroid(i), v.origin, metric, v.coarse + <usize>(i / BLOCK) * blockBytes, i % BLOCK, epsilon);
  }
}

/** Puts a 4-bit code into its block. */
// @ts-ignore: decorator
@inline
function putCode(block: usize, lane: u32, table: u32, code: u32): void {
  const at = block + (<usize>table << 4) + <usize>(lane & 15);
  store<u8>(at, load<u8>(at) | <u8>(lane < 16 ? code : code << 4));
}
