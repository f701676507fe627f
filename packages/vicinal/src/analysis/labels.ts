/** Numbers of clusters as users see them. */

/** The label of a vector that belongs to no cluster. */
export const NOISE = -1;

/**
 * Labels 0.. for the groups of `keys` (-1: in none, others 0..keyCount - 1): the biggest group is 0; of groups
 * of one size the one with the lowest member comes first.
 */
export function labelsBySize(keys: Int32Array, keyCount: number): { labels: Int32Array; clusters: number } {
  const sizes = new Uint32Array(keyCount);
  const present: number[] = [];
  for (const key of keys) if (key >= 0 && sizes[key]++ === 0) present.push(key);
  // By first appearance so far, and the sort is stable.
  present.sort((a, b) => sizes[b] - sizes[a]);
  const renamed = new Int32Array(keyCount);
  for (let label = 0; label < present.length; label++) renamed[present[label]] = label;
  const labels = keys.map((key) => (key < 0 ? NOISE : renamed[key]));
  return { labels, clusters: present.length };
}
