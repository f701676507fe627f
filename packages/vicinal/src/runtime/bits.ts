/** Bit sets over rows or ordinals: bit `i & 31` of word `i >>> 5`. Bits past the count are kept 0. */

export function wordsFor(count: number): number {
  return (count + 31) >>> 5;
}

export function testBit(bits: Uint32Array, index: number): boolean {
  return (bits[index >>> 5] & (1 << (index & 31))) !== 0;
}

export function setBit(bits: Uint32Array, index: number): void {
  bits[index >>> 5] |= 1 << (index & 31);
}

export function clearBit(bits: Uint32Array, index: number): void {
  bits[index >>> 5] &= ~(1 << (index & 31));
}

/** Sets bits 0..count-1 and clears the rest. */
export function fillBits(bits: Uint32Array, count: number): void {
  const whole = count >>> 5;
  bits.fill(0xffffffff, 0, whole);
  bits.fill(0, whole);
  if (count & 31) bits[whole] = (1 << (count & 31)) - 1;
}

export function andBits(target: Uint32Array, other: Uint32Array): void {
  for (let i = 0; i < target.length; i++) target[i] &= other[i];
}

export function countBits(bits: Uint32Array, words = bits.length): number {
  let total = 0;
  for (let i = 0; i < words; i++) {
    let v = bits[i];
    v -= (v >>> 1) & 0x55555555;
    v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
    total += (((v + (v >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
  }
  return total;
}

/** Calls `visit` with each set bit's index, in order. */
export function eachBit(bits: Uint32Array, visit: (index: number) => void): void {
  for (let w = 0; w < bits.length; w++) {
    let word = bits[w];
    while (word !== 0) {
      const low = word & -word;
      visit((w << 5) + (31 - Math.clz32(low)));
      word ^= low;
    }
  }
}
