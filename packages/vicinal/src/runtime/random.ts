/** Seeded random numbers in [0, 1), the same on every platform: mulberry32 (public domain, Tommy Ettinger). */
export function seededRandom(seed: number): () => number {
  const next = seededWords(seed);
  return () => next() / 2 ** 32;
}

/** Seeded random 32-bit words. */
export function seededWords(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return (word ^ (word >>> 14)) >>> 0;
  };
}
