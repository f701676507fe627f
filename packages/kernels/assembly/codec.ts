// Codecs of vectors one by one: code = factors and body, whatever the body is.
//
//   code of one vector:  [ add f32 ][ scale f32 ][ error f32 ][ decode f32 ][ body ]      factors: see rabitq.ts
//
// The residual r = P(x - centre) stands in the body by a vector y; P is a random rotation, a learned one or nothing:
//
//   Planes    B bit planes per 16 components                      RaBitQ, see rabitq.ts
//   Byte      padded x i8, y = the bytes                          SQ8
//   Nibble    padded / 2 bytes, y = nibble - 7.5                  SQ4; byte j of 16 holds components j and j + 16 of 32
//   Parts4    parts / 2 bytes, y = centroids                      PQ, 16 centroids; the even part in the low half
//   Parts8    parts bytes, y = centroids                          PQ, 256 centroids
//
// All estimates are unbiased and carry a bound, because the factors are made from r and y alone.

import { Metric } from "./metrics";
import { codebookDots, codebookEncode, codebookVector } from "./pq";
import { planesDot, rabitqDecode, rabitqEncode, rabitqQuery } from "./rabitq";
import { byteEncode, nibbleEncode, residualFactors } from "./residual";
import { difference, rotate, rotateBack } from "./rotation";
import { sumLanes } from "./simd";

/** Numbers shared with the host. */
export const enum Body {
  Planes = 0,
  Byte = 1,
  Nibble = 2,
  Parts4 = 3,
  Parts8 = 4,
}

const HEAD_BYTES: usize = 16;

@final @unmanaged
export class Codec {
  body: Body;
  metric: Metric;
  dimensions: u32;
  padded: u32;
  /** Bits per component of Planes. */
  bits: u32;
  /** Parts of Parts4 and Parts8. */
  parts: u32;
  codeBytes: u32;
  centre: usize;
  /** Signs of a random rotation, or 0. */
  signs: usize;
  /** Rows of a learned rotation, padded x padded f32, or 0. */
  matrix: usize;
  codebooks: usize;
  /** One range for all vectors (Byte, Nibble); 0: each vector has its own. */
  range: f32;
  epsilon: f32;
  /** Scratch: two vectors of padded f32 and 128 bytes; zeros: one vector. */
  first: usize;
  second: usize;
  zeros: usize;
  /** The query: 16-bit components, or tables of f32; with its step and the sum of its components. */
  query: usize;
  step: f32;
  total: f32;
  term: f32;
  away: f32;

  @inline size(): u32 {
    return this.body == Body.Parts4 ? 16 : 256;
  }
}

export function codecBytes(): u32 {
  return offsetof<Codec>();
}

export function initCodec(
  c: Codec, body: Body, metric: Metric, dimensions: u32, padded: u32, bits: u32, parts: u32, codeBytes: u32,
  centre: usize, signs: usize, matrix: usize, codebooks: usize, range: f32, epsilon: f32, first: usize, second: usize,
  zeros: usize, query: usize,
): void {
  c.body = body;
  c.metric = metric;
  c.dimensions = dimensions;
  c.padded = padded;
  c.bits = bits;
  c.parts = parts;
  c.codeBytes = codeBytes;
  c.centre = centre;
  c.signs = signs;
  c.matrix = matrix;
  c.codebooks = codebooks;
  c.range = range;
  c.epsilon = epsilon;
  c.first = first;
  c.second = second;
  c.zeros = zeros;
  c.query = query;
  memory.fill(zeros, 0, <usize>padded << 2);
}

// @ts-ignore: decorator
@inline
function paddedDot(a: usize, b: usize, padded: u32): f32 {
  let sum = f32x4.splat(0);
  for (let at: usize = 0; at < <usize>padded << 2; at += 16) {
    sum = f32x4.add(sum, f32x4.mul(v128.load(a + at), v128.load(b + at)));
  }
  return sumLanes(sum);
}

/** P(x - centre) into `target`; `spare` is another vector's room. */
function transform(c: Codec, x: usize, target: usize, spare: usize): void {
  if (c.matrix) {
    difference(x, c.centre, c.dimensions, c.padded, spare);
    for (let i: u32 = 0; i < c.padded; i++) {
      const row = c.matrix + <usize>i * (<usize>c.padded << 2);
      store<f32>(target + (<usize>i << 2), paddedDot(row, spare, c.padded));
    }
    return;
  }
  difference(x, c.centre, c.dimensions, c.padded, target);
  if (c.signs) rotate(target, c.padded, c.signs);
}

/** Residuals of `count` rows as the body sees them, `padded` floats each: for learning. */
export function codecResiduals(c: Codec, rows: usize, count: u32, target: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    transform(c, rows + <usize>i * (<usize>c.dimensions << 2), target + <usize>i * (<usize>c.padded << 2), c.second);
  }
}

/** Encodes `count` rows that follow each other. */
export function codecEncode(c: Codec, rows: usize, count: u32, codes: usize): void {
  const r = c.first;
  const y = c.second;
  for (let i: u32 = 0; i < count; i++) {
    const x = rows + <usize>i * (<usize>c.dimensions << 2);
    const code = codes + <usize>i * <usize>c.codeBytes;
    const body = code + HEAD_BYTES;
    let inner: f32 = 0;
    if (c.metric != Metric.Euclid) {
      for (let j: usize = 0; j < <usize>c.dimensions << 2; j += 4) {
        inner += load<f32>(c.centre + j) * (load<f32>(x + j) - load<f32>(c.centre + j));
      }
    }
    transform(c, x, r, y);
    // Queries are taken relative to the centre, so that its own rotated form is 0.
    if (c.body == Body.Planes) {
      rabitqEncode(r, c.padded, c.bits, c.metric, c.zeros, inner, c.epsilon, code);
      continue;
    }
    if (c.body == Body.Byte) byteEncode(r, c.padded, c.range, body, y);
    else if (c.body == Body.Nibble) nibbleEncode(r, c.padded, c.range, body, y);
    else {
      // One byte per part, into scratch behind the vector that they stand for.
      const numbers = y + (<usize>c.padded << 2);
      codebookEncode(r, c.padded, c.parts, c.size(), c.codebooks, numbers);
      codebookVector(numbers, c.padded, c.parts, c.size(), c.codebooks, y);
      if (c.body == Body.Parts8) memory.copy(body, numbers, c.parts);
      else {
        for (let part: u32 = 0; part < c.parts; part += 2) {
          const high: u32 = part + 1 < c.parts ? load<u8>(numbers + part, 1) : 0;
          store<u8>(body + (part >> 1), <u8>(load<u8>(numbers + part) | (high << 4)));
        }
      }
    }
    residualFactors(r, y, c.padded, c.metric, c.zeros, inner, c.epsilon, code, 4);
    const length = paddedDot(y, y, c.padded);
    const products = c.body >= Body.Parts4;
    store<f32>(code, products || length == 0 ? 1 : paddedDot(r, y, c.padded) / length, 12);
  }
}

/** The vectors that `count` codes stand for. */
export function codecDecode(c: Codec, codes: usize, count: u32, rows: usize): void {
  const y = c.first;
  for (let i: u32 = 0; i < count; i++) {
    const code = codes + <usize>i * <usize>c.codeBytes;
    const body = code + HEAD_BYTES;
    const row = rows + <usize>i * (<usize>c.dimensions << 2);
    const factor = load<f32>(code, 12);
    if (c.body == Body.Planes) rabitqDecode(code, c.padded, c.bits, y);
    else if (c.body == Body.Byte) {
      for (let j: u32 = 0; j < c.padded; j++) store<f32>(y + (<usize>j << 2), <f32>load<i8>(body + j) * factor);
    } else if (c.body == Body.Nibble) {
      for (let j: u32 = 0; j < c.padded; j++) {
        const byte: u32 = load<u8>(body + ((j >> 5) << 4) + (j & 15));
        const nibble = j & 16 ? byte >> 4 : byte & 15;
        store<f32>(y + (<usize>j << 2), (<f32>nibble - <f32>7.5) * factor);
      }
    } else if (c.body == Body.Parts8) codebookVector(body, c.padded, c.parts, 256, c.codebooks, y);
    else {
      const numbers = c.second;
      for (let part: u32 = 0; part < c.parts; part++) {
        const byte: u32 = load<u8>(body + (part >> 1));
        store<u8>(numbers + part, <u8>(part & 1 ? byte >> 4 : byte & 15));
      }
      codebookVector(numbers, c.padded, c.parts, 16, c.codebooks, y);
    }
    let back = y;
    if (c.matrix) {
      // The inverse of an orthogonal matrix is its transpose.
      back = c.second;
      memory.fill(back, 0, <usize>c.padded << 2);
      for (let j: u32 = 0; j < c.padded; j++) {
        const value = v128.load32_splat(y + (<usize>j << 2));
        const line = c.matrix + <usize>j * (<usize>c.padded << 2);
        for (let at: usize = 0; at < <usize>c.padded << 2; at += 16) {
          v128.store(back + at, f32x4.add(v128.load(back + at), f32x4.mul(value, v128.load(line + at))));
        }
      }
    } else if (c.signs) rotateBack(y, c.padded, c.signs);
    for (let j: usize = 0; j < <usize>c.dimensions << 2; j += 4) {
      store<f32>(row + j, load<f32>(back + j) + load<f32>(c.centre + j));
    }
  }
}

/** Takes a query: `dimensions` floats. */
export function codecQuery(c: Codec, query: usize): void {
  const q = c.first;
  transform(c, query, q, c.second);
  let total: f32 = 0;
  for (let i: usize = 0; i < <usize>c.padded << 2; i += 4) total += load<f32>(q + i);
  c.total = total;
  const square = paddedDot(q, q, c.padded);
  c.away = Mathf.sqrt(square);
  if (c.metric == Metric.Euclid) c.term = square;
  else {
    let dot: f32 = 0;
    for (let i: usize = 0; i < <usize>c.dimensions << 2; i += 4) dot += load<f32>(query + i) * load<f32>(c.centre + i);
    c.term = c.metric == Metric.Cosine ? 1 - dot : -dot;
  }
  if (c.body >= Body.Parts4) codebookDots(q, c.padded, c.parts, c.size(), c.codebooks, c.query);
  else c.step = rabitqQuery(q, c.padded, c.query);
}

/** <y, q> of one body. */
// @ts-ignore: decorator
@inline
function innerProduct(c: Codec, body: usize): f32 {
  if (c.body == Body.Planes) {
    const middle = <f32>(1 << (c.bits - 1)) - <f32>0.5;
    return <f32>planesDot(body, c.padded, c.bits, c.query) * c.step - middle * c.total;
  }
  if (c.body == Body.Byte) {
    let sum = i32x4.splat(0);
    for (let i: usize = 0; i < <usize>c.padded; i += 8) {
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load_ext<i8>(body + i), v128.load(c.query + (i << 1))));
    }
    return sumLanes(f32x4.convert_i32x4_s(sum)) * c.step;
  }
  if (c.body == Body.Nibble) {
    const mask = i8x16.splat(15);
    let sum = i32x4.splat(0);
    let q = c.query;
    for (let i: usize = 0; i < <usize>c.padded >> 1; i += 16) {
      const bytes = v128.load(body + i);
      const low = v128.and(bytes, mask);
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(low), v128.load(q)));
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(low), v128.load(q, 16)));
      const high = i8x16.shr_u(bytes, 4);
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(high), v128.load(q, 32)));
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(high), v128.load(q, 48)));
      q += 64;
    }
    return sumLanes(f32x4.convert_i32x4_s(sum)) * c.step - <f32>7.5 * c.total;
  }
  let sum: f32 = 0;
  if (c.body == Body.Parts8) {
    for (let part: u32 = 0; part < c.parts; part++) {
      sum += load<f32>(c.query + (<usize>part << 10) + (<usize>load<u8>(body + part) << 2));
    }
    return sum;
  }
  for (let part: u32 = 0; part < c.parts; part++) {
    const byte: u32 = load<u8>(body + (part >> 1));
    sum += load<f32>(c.query + (<usize>part << 6) + (<usize>(part & 1 ? byte >> 4 : byte & 15) << 2));
  }
  return sum;
}

/** Estimated distances of the query to `count` codes, and what each may be off by. */
export function codecEstimate(c: Codec, codes: usize, count: u32, estimates: usize, bounds: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    const code = codes + <usize>i * <usize>c.codeBytes;
    const estimate = load<f32>(code) + c.term + load<f32>(code, 4) * innerProduct(c, code + HEAD_BYTES);
    store<f32>(estimates + (<usize>i << 2), estimate);
    store<f32>(bounds + (<usize>i << 2), load<f32>(code, 8) * c.away);
  }
}
