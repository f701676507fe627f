/** Twins of assembly/plain.ts, plain and in double precision. */

/** The value of an IEEE 754 binary16 number, given as its 16 bits. */
export function halfValue(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** The value of the binary16 number nearest to x, ties to the even one; beyond the largest an infinity. */
export function nearestHalf(x: number): number {
  if (Number.isNaN(x)) return x;
  const size = Math.abs(x);
  if (size >= 65520) return Math.sign(x) * Number.POSITIVE_INFINITY;
  const exponent = size === 0 ? -14 : Math.max(-14, Math.floor(Math.log2(size)));
  const unit = 2 ** (exponent - 10);
  const whole = Math.floor(size / unit);
  const rest = size / unit - whole;
  const up = rest > 0.5 || (rest === 0.5 && whole % 2 === 1);
  return Math.sign(x) * (whole + (up ? 1 : 0)) * unit;
}

/** The byte that stands for x. */
export function byteOf(x: number): number {
  return Number.isNaN(x) ? 0 : Math.min(255, Math.max(0, Math.trunc(x)));
}
