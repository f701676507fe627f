/**
 * Slices of the space of ids: each point belongs to one of `total`, by the hash of its id, for parallel scans and
 * reproducible samples. Part of the API, as in Qdrant 1.19: SipHash-2-4 with a zero key over the 8 bytes of an integer
 * (little-endian) or the 16 bytes of a UUID, modulo `total`.
 *
 * SipHash: Aumasson and Bernstein, a fast short-input PRF (INDOCRYPT 2012). 64-bit words are pairs of 32-bit halves
 * here, low first, since a `bigint` for each would cost a hundred times as much.
 */
import { ID_KIND_UUID, type IdKind, type PointId, writeIdKey } from "./id.js";

export interface Slice {
  /** Into how many slices the ids are split, 1 .. 2^32 - 1. */
  total: number;
  /** Which of them, from 0. */
  index: number;
}

const words = new Uint32Array(4);
/** The state v0 .. v3. */
const v = new Uint32Array(8);

/** Whether the point belongs to the slice. */
export function isInSlice(id: PointId, { total, index }: Slice): boolean {
  hashOfKey(writeIdKey(id, words), words);
  // hash % total by halves: all factors stay below 2^53 only for small totals, so the high half goes in two steps.
  const high = v[1] % total;
  const upper = (high * 0x1_0000 + (v[0] >>> 16)) % total;
  return (upper * 0x1_0000 + (v[0] & 0xffff)) % total === index;
}

/** Leaves the hash in `v[0]` (low) and `v[1]` (high). */
function hashOfKey(kind: IdKind, key: Uint32Array): void {
  // The initial state for a zero key: "somepseudorandomlygeneratedbytes".
  v.set([0x70736575, 0x736f6d65, 0x6e646f6d, 0x646f7261, 0x6e657261, 0x6c796765, 0x79746573, 0x74656462]);
  let length = 8;
  if (kind === ID_KIND_UUID) {
    // Bytes of a UUID in order are its words most significant first; words are read little-endian.
    absorb(swapped(key[0]), swapped(key[1]));
    absorb(swapped(key[2]), swapped(key[3]));
    length = 16;
  } else absorb(key[3], key[2]);
  absorb(0, (length << 24) >>> 0);
  v[4] ^= 0xff;
  for (let i = 0; i < 4; i++) round();
  v[0] ^= v[2] ^ v[4] ^ v[6];
  v[1] ^= v[3] ^ v[5] ^ v[7];
}

function absorb(low: number, high: number): void {
  v[6] ^= low;
  v[7] ^= high;
  round();
  round();
  v[0] ^= low;
  v[1] ^= high;
}

function round(): void {
  add(0, 2);
  rotateLeft(2, 13);
  xor(2, 0);
  swapHalves(0);
  add(4, 6);
  rotateLeft(6, 16);
  xor(6, 4);
  add(0, 6);
  rotateLeft(6, 21);
  xor(6, 0);
  add(4, 2);
  rotateLeft(2, 17);
  xor(2, 4);
  swapHalves(4);
}

function add(a: number, b: number): void {
  const low = v[a] + v[b];
  v[a + 1] += v[b + 1] + (low > 0xffff_ffff ? 1 : 0);
  v[a] = low;
}

function xor(a: number, b: number): void {
  v[a] ^= v[b];
  v[a + 1] ^= v[b + 1];
}

function rotateLeft(a: number, by: number): void {
  const low = v[a];
  const high = v[a + 1];
  v[a] = (low << by) | (high >>> (32 - by));
  v[a + 1] = (high << by) | (low >>> (32 - by));
}

/** Rotation by 32. */
function swapHalves(a: number): void {
  const low = v[a];
  v[a] = v[a + 1];
  v[a + 1] = low;
}

function swapped(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
