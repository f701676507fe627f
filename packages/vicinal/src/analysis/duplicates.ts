/**
 * Groups of near duplicates: connected components (Hopcroft and Tarjan 1973) of the neighbour graph.
 *
 * The idea: vectors within `maxDistance` are duplicates of each other; whoever hangs together by a chain of such
 * pairs is of one group; the member with the most others within reach stands for it.
 * Parameters: `maxDistance` only. Chains may join members further apart than that; a small distance keeps
 * groups tight.
 * Cost: O(n k), and k more for each pair within reach, which is to be counted once; 16 bytes a vector.
 */
import { checkDistance } from "./checks.js";
import { inSlices } from "./slices.js";
import { type Breath, type Neighbours, NOBODY } from "./types.js";
import { UnionFind } from "./union-find.js";

export interface DuplicateOptions {
  /** How far apart duplicates may be, in the distances of the graph; at least 0, and itself allowed. */
  readonly maxDistance: number;
}

export interface DuplicateGroups {
  /**
   * Groups of at least two vectors' numbers, the biggest first (of one size: the lowest number first). In a
   * group the representative is first: the one with the most members within reach, of several the lowest
   * number; the others follow by number.
   */
  readonly groups: Uint32Array[];
}

/**
 * Groups of near duplicates. Lists of k name no more than k of a vector's duplicates; a group larger than that is
 * found whole where the lists of its members overlap, and otherwise in parts.
 */
export async function duplicateGroups(
  neighbours: Neighbours,
  options: DuplicateOptions,
  breath: Breath,
): Promise<DuplicateGroups> {
  // In the precision of the graph, so that a distance read from it includes its pair.
  const maxDistance = Math.fround(options.maxDistance);
  checkDistance("maxDistance", options.maxDistance);
  const { count, k, numbers, distances } = neighbours;

  /** Whether the list of `i` has `j` within reach. */
  const lists = (i: number, j: number): boolean => {
    for (let place = i * k; place < (i + 1) * k; place++) {
      if (numbers[place] === j) return distances[place] <= maxDistance;
      if (numbers[place] === NOBODY || distances[place] > maxDistance) return false;
    }
    return false;
  };
  const sets = new UnionFind(count);
  const reached = new Uint32Array(count);
  const walk = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      for (let place = i * k; place < (i + 1) * k; place++) {
        const j = numbers[place];
        if (j === NOBODY || distances[place] > maxDistance) break;
        sets.union(i, j);
        reached[i]++;
        if (!lists(j, i)) reached[j]++;
      }
    }
  };
  await inSlices(count, walk, breath, 0, 1, k * 4);

  const groups: Uint32Array[] = [];
  const found = new Map<number, { members: Uint32Array; filled: number }>();
  for (let i = 0; i < count; i++) {
    const root = sets.find(i);
    if (sets.sizes[root] < 2) continue;
    let group = found.get(root);
    if (group === undefined) {
      group = { members: new Uint32Array(sets.sizes[root]), filled: 0 };
      found.set(root, group);
      groups.push(group.members);
    }
    group.members[group.filled++] = i;
  }
  for (const members of groups) {
    let best = 0;
    for (let m = 1; m < members.length; m++) if (reached[members[m]] > reached[members[best]]) best = m;
    const representative = members[best];
    members.copyWithin(1, 0, best);
    members[0] = representative;
  }
  // By first member so far, and the sort is stable.
  groups.sort((a, b) => b.length - a.length);
  await breath(1);
  return { groups };
}
