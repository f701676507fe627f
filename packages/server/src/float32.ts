/**
 * The shortest decimal of a float32.
 *
 * Idea: a decimal of at most nine digits always tells a float32 apart from its neighbours, and its nearest double
 * prints as exactly that decimal. So look for the double `digits / 10^k` with the fewest digits that still rounds to
 * the float32, and let the platform print it: 0.1 rather than 0.10000000149011612. Both `digits` and `10^k` are exact
 * doubles, so the one division rounds as a parser of the decimal would.
 */

/** Powers of ten that a double holds exactly. */
const powers = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

const digitsMax = 9;
/** Where the search starts: a random float32 needs eight digits most often. */
const digitsUsual = 8;
/** Integers below this are float32 and print shortest as they are. */
const integerMax = 2 ** 24;

/** The double whose shortest decimal is that of the float32 `value`. Other numbers are rounded to float32 first. */
export function shortestFloat32(value: number): number {
  if (value === Math.trunc(value) && value > -integerMax && value < integerMax) return value;
  const target = Math.fround(value);
  const size = Math.abs(target);
  const exponent = Math.floor(Math.log10(size));
  // The scale of the widest try must be an exact power; rare sizes beyond go the slow way.
  if (!(exponent > digitsMax - powers.length && exponent < powers.length)) return shortestBySearch(target);

  let found = withDigits(size, exponent, digitsUsual);
  if (found === undefined) return Math.sign(target) * withDigits(size, exponent, digitsMax)!;
  for (let digits = digitsUsual - 1; digits > 0; digits--) {
    const shorter = withDigits(size, exponent, digits);
    if (shorter === undefined) break;
    found = shorter;
  }
  return target < 0 ? -found : found;
}

/** `size` rounded to so many significant digits, if that is still the same float32. */
function withDigits(size: number, exponent: number, digits: number): number | undefined {
  const scale = digits - 1 - exponent;
  const candidate =
    scale >= 0
      ? Math.round(size * powers[scale]) / powers[scale]
      : Math.round(size / powers[-scale]) * powers[-scale];
  return Math.fround(candidate) === size ? candidate : undefined;
}

function shortestBySearch(target: number): number {
  for (let digits = 1; digits < digitsMax; digits++) {
    const candidate = Number(target.toPrecision(digits));
    if (Math.fround(candidate) === target) return candidate;
  }
  return Number.isFinite(target) ? Number(target.toPrecision(digitsMax)) : target;
}
