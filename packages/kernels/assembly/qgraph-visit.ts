// How a walk of the quantized graph measures the vertices that it visits: on the floats for a search, on 8-bit codes of
// the rotated vectors while the graph is built.

import { codeDistances4, CODE_HEAD_BYTES, widenCode } from "./codes";
import { finite } from "./keys";
import { distances4 } from "./metrics";
import { QGraph, QSlot } from "./qgraph";

/** The original floats, under the store's metric, in units of the rotated space. */
@final @unmanaged
export class RowVisit<M> {
  @inline visit4(g: QGraph, s: QSlot, a: u32, b: u32, c: u32, d: u32): v128 {
    const distances = distances4<M>(s.query, g.row(a), g.row(b), g.row(c), g.row(d), g.dimensions);
    return finite(f32x4.mul(distances, f32x4.splat(s.unit)));
  }
}

/** 8-bit codes: a vector of the store is the query. */
@final @unmanaged
export class CodeVisit {
  @inline visit4(g: QGraph, s: QSlot, a: u32, b: u32, c: u32, d: u32): v128 {
    return finite(codeDistances4(s.code, s.scale, s.half, g.code(a), g.code(b), g.code(c), g.code(d), g.padded));
  }
}

/** Takes the 8-bit code of a vertex as the query. */
// @ts-ignore: decorator
@inline
export function loadCode(g: QGraph, s: QSlot, node: u32): void {
  const code = g.code(node);
  s.scale = load<f32>(code);
  s.half = load<f32>(code + 4);
  widenCode(code, s.code, g.padded);
}
