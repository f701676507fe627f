/** Twins of assembly/lsh.ts, binary.ts and mih.ts, in plain loops. */

/** Bits that differ between two codes. */
export function hammingDistance(a: Uint8Array, b: Uint8Array): number {
  let distance = 0;
  for (let i = 0; i < a.length; i++) for (let word = a[i] ^ b[i]; word; word &= word - 1) distance++;
  return distance;
}

/** The k nearest of some codes, by distance and then by ordinal. */
export function nearestCodes(
  query: Uint8Array,
  code: (ordinal: number) => Uint8Array,
  ordinals: Iterable<number>,
  k: number,
): { ordinal: number; distance: number }[] {
  const all = Array.from(ordinals, (ordinal) => ({
    ordinal,
    distance: hammingDistance(query, code(ordinal)),
  }));
  return all.sort((a, b) => a.distance - b.distance || a.ordinal - b.ordinal).slice(0, k);
}

/** The Hadamard transform by its definition: component i is the sum of (-1)^popcount(i & j) v_j. */
export function hadamardOf(vector: ArrayLike<number>): number[] {
  const sign = (word: number) => {
    let odd = 0;
    for (let rest = word; rest; rest &= rest - 1) odd ^= 1;
    return odd ? -1 : 1;
  };
  return Array.from(vector, (_, i) => {
    let sum = 0;
    for (let j = 0; j < vector.length; j++) sum += sign(i & j) * vector[j];
    return sum;
  });
}

/** The rotation of a cross-polytope: rounds of signs and transform. */
export function rotateByRounds(vector: ArrayLike<number>, signs: ArrayLike<number>[]): number[] {
  let rotated = Array.from(signs[0], (_, i) => vector[i] ?? 0);
  for (const round of signs) rotated = hadamardOf(rotated.map((value, i) => value * round[i]));
  return rotated;
}

/** One step of a probe: function `owner` takes its next integer, at this cost, changing the bucket's sum by this much. */
export interface Move {
  score: number;
  owner: number;
  difference: number;
}

/** Sums (mod 2^32) and scores of all buckets that sets of moves lead to, at most one move per function; cheapest first. */
export function probesOf(sum: number, moves: Move[]): { sum: number; score: number }[] {
  const found: { sum: number; score: number }[] = [];
  for (let set = 0; set < 2 ** moves.length; set++) {
    const chosen = moves.filter((_, i) => (set >>> i) & 1);
    if (new Set(chosen.map((move) => move.owner)).size < chosen.length) continue;
    found.push({
      sum: chosen.reduce((total, move) => (total + move.difference) >>> 0, sum >>> 0),
      score: chosen.reduce((total, move) => total + move.score, 0),
    });
  }
  return found.sort((a, b) => a.score - b.score);
}
