// The hash functions of a table, and the fingerprint of what they give.
//
//   p-stable, Gaussian  h = floor((a.x + b) / w)     next: h - 1, h + 1
//   hyperplane          h = [a.x >= 0]               next: 1 - h
//   cross-polytope      h = the signed axis nearest to the rotated x; the rotation is three rounds of random signs
//                       and a fast Hadamard transform    next: the axes that follow
//
// Vectors may have one more component, the tail sqrt(M^2 - |x|^2), which turns the largest inner product into the
// smallest angle (Neyshabur, Srebro 2015); that of a query is 0.

import { HashKind, Lsh, ROUNDS, Work } from "./lsh";
import { distances4, Dot } from "./metrics";
import { hadamard } from "./rotation";

/** The tail component of a stored vector. */
function tailOf(l: Lsh, x: usize): f32 {
  if (l.largest == 0) return 0;
  const norm = -f32x4.extract_lane(distances4<Dot>(x, x, x, x, x, l.dimensions), 0);
  return sqrt(max<f32>(0, l.largest - norm));
}

/** What the functions of a table make of a vector: projections, or rotated vectors one after the other. */
export function project(l: Lsh, table: u32, x: usize, tail: f32, values: usize): void {
  const first = table * l.functions;
  if (l.kind == HashKind.CrossPolytope) {
    const bytes = <usize>l.padded << 2;
    const own = <usize>l.dimensions << 2;
    for (let j: u32 = 0; j < l.functions; j++) {
      const v = values + <usize>j * bytes;
      memory.copy(v, x, own);
      memory.fill(v + own, 0, bytes - own);
      if (l.largest != 0) store<f32>(v + own, tail);
      let signs = l.directions + <usize>(first + j) * ROUNDS * bytes;
      for (let round: u32 = 0; round < ROUNDS; round++) {
        for (let p: usize = 0; p < bytes; p += 16) {
          v128.store(v + p, f32x4.mul(v128.load(v + p), v128.load(signs + p)));
        }
        hadamard(v, l.padded, 1);
        signs += bytes;
      }
    }
    return;
  }
  const stride = (<usize>l.dimensions + 1) << 2;
  const directions = l.directions + <usize>first * stride;
  const tailAt = <usize>l.dimensions << 2;
  for (let j: u32 = 0; j < l.functions; j += 4) {
    const last = l.functions - 1;
    const a = directions + <usize>j * stride;
    const b = directions + <usize>min(j + 1, last) * stride;
    const c = directions + <usize>min(j + 2, last) * stride;
    const d = directions + <usize>min(j + 3, last) * stride;
    let dots = f32x4.neg(distances4<Dot>(x, a, b, c, d, l.dimensions));
    if (tail != 0) {
      const tails = f32x4(load<f32>(a + tailAt), load<f32>(b + tailAt), load<f32>(c + tailAt), load<f32>(d + tailAt));
      dots = f32x4.add(dots, f32x4.mul(f32x4.splat(tail), tails));
    }
    v128.store(values + (<usize>j << 2), dots);
  }
  if (l.kind == HashKind.Stable) {
    for (let j: u32 = 0; j < l.functions; j++) {
      const at = values + (<usize>j << 2);
      const moved = (load<f32>(at) + load<f32>(l.offsets + (<usize>(first + j) << 2))) * l.inverseWidth;
      // Within what an integer holds, also for vectors far beyond the sample that w was chosen from.
      store<f32>(at, moved == moved ? min<f32>(1e9, max<f32>(-1e9, moved)) : 0);
    }
  }
}

// @ts-ignore: decorator
@inline
export function axesOf(l: Lsh, j: u32): u32 {
  return j + 1 == l.functions ? l.lastAxes : l.padded;
}

/** The signed axis nearest to a rotated vector: 2 * axis + (1 if negative). */
function nearestAxis(v: usize, axes: u32): u32 {
  let best: u32 = 0;
  let largest: f32 = -1;
  for (let i: u32 = 0; i < axes; i++) {
    const value = load<f32>(v + (<usize>i << 2));
    const size = abs(value);
    if (size > largest) {
      largest = size;
      best = 2 * i + (value < 0 ? 1 : 0);
    }
  }
  return best;
}

/** The integer that function j of a table gives. */
// @ts-ignore: decorator
@inline
export function integerOf(l: Lsh, j: u32, values: usize): i32 {
  if (l.kind == HashKind.CrossPolytope) return nearestAxis(values + <usize>j * (<usize>l.padded << 2), axesOf(l, j));
  const value = load<f32>(values + (<usize>j << 2));
  if (l.kind == HashKind.Hyperplane) return value >= 0 ? 1 : 0;
  return <i32>floor(value);
}

/** The sum of a table's bucket, before mixing. */
export function sumOf(l: Lsh, table: u32, values: usize): u32 {
  const multipliers = l.multipliers + (<usize>(table * l.functions) << 2);
  let sum: u32 = 0;
  for (let j: u32 = 0; j < l.functions; j++) {
    sum += load<u32>(multipliers + (<usize>j << 2)) * <u32>integerOf(l, j, values);
  }
  return sum;
}

/** Spreads a sum over all bits (the finisher of MurmurHash3, public domain). */
// @ts-ignore: decorator
@inline
export function mix(sum: u32): u32 {
  sum ^= sum >> 16;
  sum *= 0x85ebca6b;
  sum ^= sum >> 13;
  sum *= 0xc2b2ae35;
  return sum ^ (sum >> 16);
}

/** Fingerprints of the rows from..to-1 in one table; `fingerprints` (u32) has a place for every row. */
export function lshFingerprints(l: Lsh, w: Work, table: u32, from: u32, to: u32, fingerprints: usize): void {
  const stride = <usize>l.dimensions << 2;
  for (let i = from; i < to; i++) {
    const row = l.rows + <usize>i * stride;
    project(l, table, row, tailOf(l, row), w.values);
    store<u32>(fingerprints + (<usize>i << 2), mix(sumOf(l, table, w.values)));
  }
}

/** The integers (i32) that a table's functions give for the vector at `x`. */
export function lshIntegers(l: Lsh, w: Work, table: u32, x: usize, integers: usize): void {
  project(l, table, x, tailOf(l, x), w.values);
  for (let j: u32 = 0; j < l.functions; j++) store<i32>(integers + (<usize>j << 2), integerOf(l, j, w.values));
}
