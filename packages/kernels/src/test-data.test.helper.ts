/** What the kernels' tests share. */

/** Every dimension that a loop's tail could get wrong, and those that real models have. */
export const dimensionsTried = [
  ...Array.from({ length: 64 }, (_, i) => i + 1),
  ...[100, 127, 128, 768, 784, 1536, 2048, 4096],
];

/** A small seeded generator (mulberry32), so that a failure repeats. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
