/** Vectors as real ones lie: around centres, from a seed. */
import { random } from "./kill-workload.js";

/** Makes one vector after the other. */
export function clustered(dimensions: number, seed: number, centreCount = 20): () => number[] {
  const next = random(seed);
  const centres = Array.from({ length: centreCount }, () =>
    Array.from({ length: dimensions }, () => next() - 0.5),
  );
  return () => {
    const centre = centres[Math.floor(next() * centreCount)];
    return centre.map((x) => Math.fround(x + (next() - 0.5) * 0.4));
  };
}
