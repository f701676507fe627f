/** Sets of rows as bits: bit `row & 31` of word `row >>> 5`. Bits past the last row stay clear. */

export function bitWords(rowCount: number): number {
  return (rowCount + 31) >>> 5;
}

/** Sets exactly the first `rowCount` bits. */
export function fillBits(bits: Uint32Array, rowCount: number): void {
  const full = rowCount >>> 5;
  bits.fill(0xffff_ffff, 0, full);
  if (rowCount & 31) bits[full] = (1 << (rowCount & 31)) - 1;
}

/** Sets the bits `start..end - 1`. */
export function setBits(bits: Uint32Array, start: number, end: number): void {
  for (let row = start; row < end; ) {
    if ((row & 31) === 0 && row + 32 <= end) {
      bits[row >>> 5] = 0xffff_ffff;
      row += 32;
    } else {
      bits[row >>> 5] |= 1 << (row & 31);
      row++;
    }
  }
}

export function hasBit(bits: Uint32Array, row: number): boolean {
  return (bits[row >>> 5] & (1 << (row & 31))) !== 0;
}

export function setBit(bits: Uint32Array, row: number): void {
  bits[row >>> 5] |= 1 << (row & 31);
}

export function clearBit(bits: Uint32Array, row: number): void {
  bits[row >>> 5] &= ~(1 << (row & 31));
}

export function andBits(target: Uint32Array, other: Uint32Array): void {
  for (let i = 0; i < target.length; i++) target[i] &= other[i];
}

export function orBits(target: Uint32Array, other: Uint32Array): void {
  for (let i = 0; i < target.length; i++) target[i] |= other[i];
}

/** The rows of `rowCount` that are not in the set. */
export function notBits(bits: Uint32Array, rowCount: number): Uint32Array {
  const result = new Uint32Array(bits.length);
  fillBits(result, rowCount);
  for (let i = 0; i < bits.length; i++) result[i] &= ~bits[i];
  return result;
}

/** How many bits are set. */
export function countBits(bits: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < bits.length; i++) {
    // Warren, Hacker's Delight: sums of bits in pairs, fours and bytes.
    let word = bits[i];
    word -= (word >>> 1) & 0x5555_5555;
    word = (word & 0x3333_3333) + ((word >>> 2) & 0x3333_3333);
    count += Math.imul((word + (word >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
  }
  return count;
}

/** Calls `visit` for each set bit, ascending. */
export function forEachBit(bits: Uint32Array, visit: (row: number) => void): void {
  for (let i = 0; i < bits.length; i++) {
    for (let word = bits[i]; word !== 0; word &= word - 1) visit(i * 32 + 31 - Math.clz32(word & -word));
  }
}
