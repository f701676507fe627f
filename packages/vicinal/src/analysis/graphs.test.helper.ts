/** Point sets and exact neighbour graphs for the tests of this folder. */
import { seededRandom } from "../runtime/random.js";
import { type Breath, type Neighbours, NOBODY } from "./types.js";

export type Points = readonly (readonly number[])[];

export const noBreath: Breath = async () => {};

export function distance(a: readonly number[], b: readonly number[]): number {
  return Math.fround(Math.hypot(...a.map((x, d) => x - b[d])));
}

/** The exact k nearest under the Euclidean distance; k may be more than there are. */
export function graphOf(points: Points, k = Math.max(0, points.length - 1)): Neighbours {
  const count = points.length;
  const numbers = new Uint32Array(count * k).fill(NOBODY);
  const distances = new Float32Array(count * k).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < count; i++) {
    const others = points
      .map((p, j) => ({ j, d: distance(points[i], p) }))
      .filter(({ j }) => j !== i)
      .sort((a, b) => a.d - b.d || a.j - b.j);
    others.slice(0, k).forEach(({ j, d }, n) => {
      numbers[i * k + n] = j;
      distances[i * k + n] = d;
    });
  }
  return { count, k, numbers, distances };
}

/** `sizes[c]` points of a round blob about `centres[c]`. */
export function blobs(centres: Points, sizes: readonly number[], spread: number, seed: number): number[][] {
  const random = seededRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return centres.flatMap((centre, c) =>
    Array.from({ length: sizes[c] }, () => centre.map((x) => x + spread * normal())),
  );
}

/** Points spread evenly over a square. */
export function evenly(count: number, side: number, seed: number): number[][] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => [side * random(), side * random()]);
}

/** Two half circles, one inside of the other's opening; the first `each` points are the one. */
export function moons(each: number, noise: number, seed: number): number[][] {
  const random = seededRandom(seed);
  const shake = () => noise * (random() + random() - 1);
  return Array.from({ length: 2 * each }, (_, i) => {
    const angle = (Math.PI * (i % each)) / (each - 1);
    return i < each
      ? [Math.cos(angle) + shake(), Math.sin(angle) + shake()]
      : [1 - Math.cos(angle) + shake(), 0.5 - Math.sin(angle) + shake()];
  });
}

/** Labels renamed in the order in which they appear; noise stays. */
export function renamed(labels: Iterable<number>): number[] {
  const names = new Map<number, number>();
  return Array.from(labels, (label) => {
    if (label < 0) return -1;
    if (!names.has(label)) names.set(label, names.size);
    return names.get(label)!;
  });
}

/** A seeded order of 0..count - 1. */
export function shuffled(count: number, seed: number): number[] {
  const random = seededRandom(seed);
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Connected components of 0..count - 1 under `joined`, by plain search: the component of each. */
export function components(
  members: readonly number[],
  joined: (i: number, j: number) => boolean,
): number[][] {
  const left = new Set(members);
  const found: number[][] = [];
  for (const first of members) {
    if (!left.delete(first)) continue;
    const component = [first];
    for (const i of component) {
      for (const j of left) {
        if (!joined(i, j)) continue;
        left.delete(j);
        component.push(j);
      }
    }
    found.push(component.sort((a, b) => a - b));
  }
  return found;
}
