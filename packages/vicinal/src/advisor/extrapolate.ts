/**
 * From costs at two sizes to the costs at a third, larger one.
 *
 * Rule: a cost grows as a power of the number of vectors, cost(n) = c n^b, with b from the two sizes measured and held
 * within what families can do: a search from constant to linear, memory from n^0.5 to linear, a build from linear
 * to quadratic. A collection larger than a segment is searched segment by segment: so many times the cost of one.
 * What the rule does not see is the processor's cache: an index that fits it in the sample and not in full is slower than
 * this says. That is why the leader is measured in full where it can be.
 */
import type { Costs } from "./contract.js";

const exponents = {
  search: { low: 0, high: 1 },
  memory: { low: 0.5, high: 1 },
  build: { low: 1, high: 2 },
} as const;

/** @param most vectors that a segment holds */
export function extrapolated(small: Costs | undefined, large: Costs, points: number, most: number): Costs {
  const segments = Math.max(1, Math.ceil(points / most));
  const perSegment = points / segments;
  const grown = (kind: keyof typeof exponents, of: (costs: Costs) => number) => {
    const { low, high } = exponents[kind];
    let power: number = high;
    if (small && small.vectors < large.vectors && of(small) > 0 && of(large) > 0) {
      const measured = Math.log(of(large) / of(small)) / Math.log(large.vectors / small.vectors);
      power = Math.min(high, Math.max(low, measured));
    }
    return segments * (perSegment / large.vectors) ** power;
  };
  const search = grown("search", ({ cpuUs }) => cpuUs);
  return {
    vectors: points,
    cpuUs: large.cpuUs * search,
    medianUs: large.medianUs * search,
    p95Us: large.p95Us * search,
    indexBytes: Math.round(large.indexBytes * grown("memory", ({ indexBytes }) => indexBytes)),
    buildSeconds: large.buildSeconds * grown("build", ({ buildSeconds }) => buildSeconds),
  };
}
