/** Twins of assembly/rotation.ts and assembly/fast-scan.ts, plain and in double precision. */

/** The random rotation of assembly/rotation.ts: `negative[round]` says which components change sign. */
export function rotated(vector: ArrayLike<number>, negative: ArrayLike<boolean>[]): number[] {
  let x = Array.from(vector);
  const length = x.length;
  const power = 2 ** Math.floor(Math.log2(length));
  negative.forEach((signs, round) => {
    x = x.map((value, i) => (signs[i] ? -value : value));
    const start = round % 2 === 1 ? length - power : 0;
    x.splice(start, power, ...hadamard(x.slice(start, start + power)));
    if (power === length) return;
    const half = length / 2;
    const mixed = x.map((value, i) => (i < half ? value + x[i + half] : x[i - half] - value));
    x = mixed.map((value) => value * Math.SQRT1_2);
  });
  return x;
}

/** By its definition: entry (i, j) is -1 to the number of ones that i and j share, over the root of the length. */
function hadamard(x: number[]): number[] {
  return x.map((_, i) => {
    let sum = 0;
    x.forEach((value, j) => {
      let parity = 0;
      for (let both = i & j; both; both &= both - 1) parity ^= 1;
      sum += parity ? -value : value;
    });
    return sum / Math.sqrt(x.length);
  });
}

/** Sums of the entries that the 32 codes of a block name. */
export function blockSums(block: Uint8Array, entries: Uint8Array, tables: number): number[] {
  return Array.from({ length: 32 }, (_, vector) => {
    let sum = 0;
    for (let table = 0; table < tables; table++) {
      const byte = block[table * 16 + (vector % 16)];
      sum += entries[table * 16 + (vector < 16 ? byte & 15 : byte >> 4)];
    }
    return sum;
  });
}

/** Entry e of the table of four components: half their sum, each with the sign of its bit. */
export function signEntry(four: ArrayLike<number>, e: number): number {
  let sum = 0;
  for (let j = 0; j < 4; j++) sum += ((e >> j) & 1 ? 0.5 : -0.5) * four[j];
  return sum;
}
