/**
 * Which shard a point lies in: the one with the greatest weight, a hash of the point's id and the shard's number (rendezvous
 * hashing, Thaler and Ravishankar 1998). A shard that is added takes its share from all others, and one that goes leaves its points
 * to all others; no other point moves.
 *
 * What lies where depends on these few lines: they never change.
 */
import { type PointId, parsePointId, writeIdKey } from "vicinal/shard";

const words = new Uint32Array(4);

/** The final mix of MurmurHash3: every bit of the input changes half of the output's. */
function mixed(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** 32 bits of a point's id; the same for all forms of one. BAD_POINT_ID */
export function hashOf(id: PointId): number {
  words.fill(0);
  const kind = writeIdKey(parsePointId(id), words);
  let hash = mixed(kind + 0x9e3779b9);
  for (const word of words) hash = mixed(hash ^ word) + 0x9e3779b9;
  return mixed(hash);
}

/** Place in `shards` (numbers, ascending, at least one) of the shard that the point lies in. */
export function placeOf(hash: number, shards: readonly number[]): number {
  let best = 0;
  let greatest = -1;
  for (let i = 0; i < shards.length; i++) {
    const weight = mixed(hash ^ mixed(shards[i] + 0x9e3779b9));
    if (weight <= greatest) continue;
    greatest = weight;
    best = i;
  }
  return best;
}
