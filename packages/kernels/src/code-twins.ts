/** Twins of assembly/codes.ts, in double precision where that changes nothing. */

/** An 8-bit code of a vector. */
export interface Code {
  scale: number;
  /** Half the squared norm of the decoded vector; 0 when not normed. */
  half: number;
  bytes: Int8Array;
}

const { fround } = Math;

/** Rounds to the nearest integer, halves to the even one, as WebAssembly does. */
function nearest(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

function quantize(vector: ArrayLike<number>, mean: ArrayLike<number>, range: number) {
  const differences = Array.from(vector, (x, i) => fround(x - mean[i]));
  const largest = differences.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const scale = fround(largest / fround(range));
  const inverse = scale > 0 ? fround(1 / scale) : 0;
  const whole = differences.map((x) => Math.max(-range, Math.min(range, nearest(fround(x * inverse)))));
  return { scale, whole };
}

/** Encodes a vector to be stored. */
export function encode(vector: ArrayLike<number>, mean: ArrayLike<number>, normed: boolean): Code {
  const { scale, whole } = quantize(vector, mean, 127);
  const squares = whole.reduce((sum, x) => sum + x * x, 0);
  return { scale, half: normed ? (scale * scale * squares) / 2 : 0, bytes: Int8Array.from(whole) };
}

/** Largest component of a query's code. */
export function queryRange(dimensions: number): number {
  const padded = Math.ceil(dimensions / 8) * 8;
  return Math.min(32767, Math.floor(0x7fffffff / (127 * padded)));
}

/** Encodes a query, with up to 16 bits per component. */
export function encodeQuery(
  query: ArrayLike<number>,
  mean: ArrayLike<number>,
): { scale: number; words: number[] } {
  const { scale, whole } = quantize(query, mean, queryRange(query.length));
  return { scale, words: whole };
}

/** half_q + half_b - scale_q scale_b <q, b>. */
export function codeDistance(query: { scale: number; words: number[] }, half: number, code: Code): number {
  const dot = query.words.reduce((sum, x, i) => sum + x * code.bytes[i], 0);
  return half + code.half - query.scale * code.scale * dot;
}
