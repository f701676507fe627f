// A random rotation in O(d log d): rounds of random signs and a fast Hadamard transform.
//
// Fast Johnson-Lindenstrauss transform: Ailon, Chazelle (2006); the form for any length follows Kac's walk. Each of
// four rounds flips signs, transforms the first (in odd rounds the last) 2^k components, and, where these are not all,
// turns the two halves against each other by 45 degrees, so that every component meets every other. All three
// are orthogonal and two are their own inverses, so that the way back is the same steps in reverse.
//
//   x       `padded` f32, a multiple of 16, zero behind the original dimensions
//   signs   ROTATION_ROUNDS x padded u32, each 0 or 0x80000000
//
// No fused multiply-add: every build turns a vector into the same bytes.

export const ROTATION_ROUNDS: u32 = 4;

/** Hadamard transform of 2^k >= 4 floats, times `scale`, in place. */
export function hadamard(x: usize, length: u32, scale: f32): void {
  const bytes = <usize>length << 2;
  const factor = f32x4.splat(scale);
  const odd = i32x4(0, 0x80000000, 0, 0x80000000);
  const upper = i32x4(0, 0, 0x80000000, 0x80000000);
  for (let at: usize = 0; at < bytes; at += 16) {
    let v = f32x4.mul(v128.load(x + at), factor);
    v = f32x4.add(v128.shuffle<f32>(v, v, 1, 0, 3, 2), v128.xor(v, odd));
    v = f32x4.add(v128.shuffle<f32>(v, v, 2, 3, 0, 1), v128.xor(v, upper));
    v128.store(x + at, v);
  }
  for (let half: usize = 16; half < bytes; half <<= 1) {
    for (let start: usize = 0; start < bytes; start += half << 1) {
      for (let at = x + start; at < x + start + half; at += 16) {
        const a = v128.load(at);
        const b = v128.load(at + half);
        v128.store(at, f32x4.add(a, b));
        v128.store(at + half, f32x4.sub(a, b));
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function flip(x: usize, signs: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) v128.store(x + at, v128.xor(v128.load(x + at), v128.load(signs + at)));
}

/** (a, b) -> (a + b, a - b) / sqrt 2, component by component of the two halves. */
// @ts-ignore: decorator
@inline
function mixHalves(x: usize, bytes: usize): void {
  const half = bytes >> 1;
  const factor = f32x4.splat(<f32>0.7071067811865476);
  for (let at = x; at < x + half; at += 16) {
    const a = f32x4.mul(v128.load(at), factor);
    const b = f32x4.mul(v128.load(at + half), factor);
    v128.store(at, f32x4.add(a, b));
    v128.store(at + half, f32x4.sub(a, b));
  }
}

/** Rotates in place. */
export function rotate(x: usize, padded: u32, signs: usize): void {
  const bytes = <usize>padded << 2;
  const power: u32 = 1 << (31 - clz(padded));
  const scale = <f32>(1 / Math.sqrt(<f64>power));
  const rest = <usize>(padded - power) << 2;
  for (let round: u32 = 0; round < ROTATION_ROUNDS; round++) {
    flip(x, signs + bytes * round, bytes);
    hadamard(x + (round & 1 ? rest : 0), power, scale);
    if (rest) mixHalves(x, bytes);
  }
}

/** The way back, in place. */
export function rotateBack(x: usize, padded: u32, signs: usize): void {
  const bytes = <usize>padded << 2;
  const power: u32 = 1 << (31 - clz(padded));
  const scale = <f32>(1 / Math.sqrt(<f64>power));
  const rest = <usize>(padded - power) << 2;
  for (let round: i32 = ROTATION_ROUNDS - 1; round >= 0; round--) {
    if (rest) mixHalves(x, bytes);
    hadamard(x + (round & 1 ? rest : 0), power, scale);
    flip(x, signs + bytes * <usize>round, bytes);
  }
}

/** target = a - b, `dimensions` floats, and zeros up to `padded`. */
export function difference(a: usize, b: usize, dimensions: u32, padded: u32, target: usize): void {
  const bytes = <usize>dimensions << 2;
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) v128.store(target + at, f32x4.sub(v128.load(a + at), v128.load(b + at)));
  for (; at < bytes; at += 4) store<f32>(target + at, load<f32>(a + at) - load<f32>(b + at));
  for (const end = <usize>padded << 2; at < end; at += 4) store<f32>(target + at, 0);
}
