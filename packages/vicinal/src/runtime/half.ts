/**
 * Half floats, IEEE 754 binary16, one number at a time: to the nearest, ties to even, from 65520 on to infinity.
 * The kernels' plain.ts does the same for many.
 */
const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);

/** The 16 bits of the half nearest to a float32. */
export function halfOf(value: number): number {
  floats[0] = value;
  const sign = (words[0] >>> 16) & 0x8000;
  const magnitude = words[0] & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00;
  if (magnitude >= 0x477f_f000) return sign | 0x7c00;
  if (magnitude < 0x3880_0000) {
    // Below 2^-14 halves are multiples of 2^-24, as float32 numbers from 0.5 to 1 are: adding rounds.
    words[0] = magnitude;
    floats[0] += 0.5;
    return sign | (words[0] - 0x3f00_0000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | (((magnitude + 0xfff + odd) >>> 13) - (112 << 10));
}

/** The number that a half's 16 bits stand for. */
export function ofHalf(half: number): number {
  const magnitude = half & 0x7fff;
  if (magnitude >= 0x7c00) words[0] = ((half & 0x8000) << 16) | 0x7f80_0000 | ((magnitude & 0x3ff) << 13);
  else {
    words[0] = magnitude << 13;
    // The exponent is 112 too small; this also makes subnormal halves what they are.
    floats[0] *= 2 ** 112;
    words[0] |= (half & 0x8000) << 16;
  }
  return floats[0];
}
