// Scorers: how a walk measures distances. A scorer is a class without state, taken as a type argument and called
// through `changetype<S>(0)`: every walk is compiled once per scorer, into straight code.
//
//   loadQuery   takes the query that the host put into the slot
//   loadNode    takes a node's own vector as the query
//   score4      distances of the query to four nodes
//   touch       loads from every cache line of a node's code, which starts their way here (there is no prefetch
//               instruction; measured 20-30 % faster than leaving it to the scoring loop at 784 dimensions)

import { codeDistances4, CODE_HEAD_BYTES, encodeQuery, widenCode } from "./codes";
import { Graph, Slot } from "./graph";
import { finite } from "./keys";
import { distances4 } from "./metrics";

const LINE_BYTES: usize = 64;

/** 8-bit codes: Euclid, Cosine and Dot. */
@final @unmanaged
export class CodeScorer {
  @inline loadQuery(g: Graph, s: Slot): void {
    s.row = s.query;
    s.scale = encodeQuery(s.query, g.mean, g.dimensions, g.padded, s.code);
    // A constant of the query: it changes no order.
    s.half = 0;
  }
  @inline loadNode(g: Graph, s: Slot, node: u32): void {
    const code = g.code(node);
    s.scale = load<f32>(code);
    s.half = load<f32>(code + 4);
    widenCode(code, s.code, g.padded);
  }
  @inline score4(g: Graph, s: Slot, a: u32, b: u32, c: u32, d: u32): v128 {
    return finite(codeDistances4(s.code, s.scale, s.half, g.code(a), g.code(b), g.code(c), g.code(d), g.padded));
  }
  @inline touch(g: Graph, node: u32): u32 {
    let sum: u32 = 0;
    const end = g.code(node) + <usize>g.codeBytes;
    for (let at = g.code(node); at < end; at += LINE_BYTES) sum += load<u8>(at);
    return sum;
  }
}

/** The original floats, under a metric. */
@final @unmanaged
export class FloatScorer<M> {
  @inline loadQuery(g: Graph, s: Slot): void {
    s.row = s.query;
  }
  @inline loadNode(g: Graph, s: Slot, node: u32): void {
    s.row = g.row(node);
  }
  @inline score4(g: Graph, s: Slot, a: u32, b: u32, c: u32, d: u32): v128 {
    return finite(distances4<M>(s.row, g.row(a), g.row(b), g.row(c), g.row(d), g.dimensions));
  }
  @inline touch(g: Graph, node: u32): u32 {
    return load<u8>(g.row(node));
  }
}
