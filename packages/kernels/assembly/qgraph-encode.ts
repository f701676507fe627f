// Into the rotated space of the quantized graph, and codes of edges; qgraph.ts draws both.

import { encodeRows } from "./codes";
import { BLOCK } from "./fast-scan";
import { dotOf } from "./ivf";
import { ABSENT, HEAD_BYTES, NONE, QGraph } from "./qgraph";
import { difference, rotate } from "./rotation";
import { sumLanes } from "./simd";

/** target = R of a vector, whose lifted component is `lift` (used for Dot only). */
export function turn(g: QGraph, row: usize, lift: f32, target: usize): void {
  difference(row, g.mean, g.dimensions, g.padded, target);
  const behind = <usize>g.dimensions << 2;
  if (g.sphere > 0) store<f32>(target + behind, lift - load<f32>(g.mean + behind));
  rotate(target, g.padded, g.signs);
}

/** The component that puts a vector onto the sphere. */
export function liftOf(g: QGraph, row: usize): f32 {
  return Mathf.sqrt(max<f32>(0, g.sphere * g.sphere - dotOf(row, row, g.dimensions)));
}

/** R of rows from..to-1, into the build's copy, and its 8-bit code; `zeros`: `padded` of them. */
export function qgraphTurn(g: QGraph, from: u32, to: u32, zeros: usize): void {
  const codeBytes = g.recordBytes() - g.codeAt();
  for (let i = from; i < to; i++) {
    turn(g, g.row(i), g.sphere > 0 ? liftOf(g, g.row(i)) : 0, g.turned(i));
    encodeRows(g.turned(i), g.padded, 0, 1, zeros, g.padded, true, g.code(i), <u32>codeBytes);
  }
}

/** Mean of the lifted component over every `step`-th row. */
export function qgraphLift(g: QGraph, step: u32): f32 {
  let sum: f64 = 0;
  let taken: u32 = 0;
  for (let i: u32 = 0; i < g.count; i += step, taken++) sum += liftOf(g, g.row(i));
  return taken ? <f32>(sum / <f64>taken) : 0;
}

/** The upper half of a float's bits, rounded to nearest. */
// @ts-ignore: decorator
@inline
function upperHalf(x: f32): u32 {
  return (reinterpret<u32>(x) + 0x8000) >> 16;
}

/**
 * Writes a neighbour, R of which is `x`, into lane `lane` (of all the record's lanes); `centre` is R of the vertex, or 0 for
 * the root, whose centre is the mean.
 */
export function encodeEdge(g: QGraph, record: usize, lane: u32, id: u32, x: usize, centre: usize): void {
  const block = record + <usize>(lane / BLOCK) * g.blockBytes();
  const place = lane % BLOCK;
  const shift: u32 = place < 16 ? 0 : 4;
  const keep: u32 = place < 16 ? 0xf0 : 0x0f;
  let byte = block + HEAD_BYTES + <usize>(place & 15);
  let squares = f32x4.splat(0);
  let lengths = f32x4.splat(0);
  let centres = f32x4.splat(0);
  const signBit = i32x4.splat(0x80000000);
  const bytes = <usize>g.padded << 2;
  for (let at: usize = 0; at < bytes; at += 16, byte += 16) {
    let r = v128.load(x + at);
    if (centre) {
      const c = v128.load(centre + at);
      r = f32x4.sub(r, c);
      // c with r's sign: twice y c.
      centres = f32x4.add(centres, v128.xor(c, v128.and(r, signBit)));
    }
    squares = f32x4.add(squares, f32x4.mul(r, r));
    lengths = f32x4.add(lengths, f32x4.abs(r));
    const code = <u32>i32x4.bitmask(r) ^ 15;
    store<u8>(byte, <u8>((<u32>load<u8>(byte) & keep) | (code << shift)));
  }
  const square = sumLanes(squares);
  const along = sumLanes(lengths) * 0.5;
  // `add` goes with the factor as it is kept, so that the rounding's error falls with the distance to the vertex.
  const factor = reinterpret<f32>(upperHalf(along > 0 ? square / along : 0) << 16);
  const add = square * 0.5 + factor * sumLanes(centres) * 0.5;
  store<u32>(block + (<usize>place << 2), id);
  store<u32>(block + (<usize>place << 2), (upperHalf(-factor) << 16) | upperHalf(add), 128);
}

/** A record without neighbours, of so many blocks. */
export function clearRecord(g: QGraph, record: usize, blocks: u32): void {
  for (let block: u32 = 0; block < blocks; block++) {
    const at = record + <usize>block * g.blockBytes();
    memory.fill(at, 0xff, 128);
    for (let i: usize = 128; i < 256; i += 4) store<u32>(at + i, ABSENT);
    memory.fill(at + HEAD_BYTES, 0, g.blockBytes() - HEAD_BYTES);
  }
}

/** Empties all records and links, and makes the root of a list of vertices. Needs R. */
export function qgraphClear(g: QGraph, entries: usize, length: u32): void {
  const blocks = g.degree / BLOCK;
  for (let i: u32 = 0; i < g.count; i++) clearRecord(g, g.record(i), blocks);
  memory.fill(g.links, 0xff, <usize>g.count * (<usize>g.degree << 3));
  clearRecord(g, g.root, g.rootBlocks);
  for (let i: u32 = 0; i < length; i++) {
    const node = load<u32>(entries + (<usize>i << 2));
    encodeEdge(g, g.root, i, node, g.turned(node), 0);
  }
}

/** The lane of a record that names `id`, or the first free one for NONE; `degree` when there is none. */
export function laneOf(g: QGraph, record: usize, id: u32): u32 {
  const wanted = i32x4.splat(id);
  for (let lane: u32 = 0; lane < g.degree; lane += 4) {
    const at = record + <usize>(lane / BLOCK) * g.blockBytes() + (<usize>(lane % BLOCK) << 2);
    const equal = i32x4.bitmask(i32x4.eq(v128.load(at), wanted));
    if (equal) return lane + ctz(equal);
  }
  return g.degree;
}

/** The neighbour in a lane. */
// @ts-ignore: decorator
@inline
export function neighbour(g: QGraph, record: usize, lane: u32): u32 {
  return load<u32>(record + <usize>(lane / BLOCK) * g.blockBytes() + (<usize>(lane % BLOCK) << 2));
}
