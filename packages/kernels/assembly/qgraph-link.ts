// Building the quantized graph: vertices search it, as it stands, for their neighbours, and are linked both ways.
//
// Links are chosen by the relative neighbourhood rule (as in HNSW, NSG, SymphonyQG): in order of distance, a candidate is
// *kept* if it is nearer to the vertex than to every one kept before. Since every lane of a record costs the same, the
// free ones are *filled* with the nearest candidates that were not kept.
//
//   link key:  [ distance : 32 ][ node : 31 ][ filled : 1 ]      a vertex's `degree` keys rise; ~0 where there is none
//
// Deviations from SymphonyQG: it computes all lists of a round from the graph of the round before, and fills lists at the
// end by relaxing the angle of its rule; here a vertex is linked as soon as it has searched, so that the next ones find
// it (the first round starts from nothing), and a link that comes back changes its list at once: it takes the place of
// the farthest filled link, or, where all are kept, of the farthest. At most half of a list goes to vectors at
// distance 0, which would otherwise cut the way out.

import { codeDistances4 } from "./codes";
import { distanceOf } from "./keys";
import { NONE, QGraph, QSlot } from "./qgraph";
import { encodeEdge, laneOf } from "./qgraph-encode";
import { CodeVisit, loadCode } from "./qgraph-visit";
import { signTables } from "./fast-scan";
import { keyAt, nodeKey, nodeOf, setKey, sortKeys } from "./walk";
import { walk } from "./qgraph-walk";

const NO_KEY: u64 = ~0;

// @ts-ignore: decorator
@inline
function distances(g: QGraph, s: QSlot, a: u32, b: u32, c: u32, d: u32): v128 {
  return codeDistances4(s.code, s.scale, s.half, g.code(a), g.code(b), g.code(c), g.code(d), g.padded);
}

/** Whether the loaded vertex is nearer than `limit` to one of `count` kept ones (with copies of the last behind the end). */
function occluded(g: QGraph, s: QSlot, count: u32, limit: f32): bool {
  for (let j: u32 = 0; j < count; j += 4) {
    const at = s.kept + (<usize>j << 2);
    const d = distances(g, s, load<u32>(at), load<u32>(at, 4), load<u32>(at, 8), load<u32>(at, 12));
    if (v128.any_true(f32x4.lt(d, f32x4.splat(limit)))) return true;
  }
  return false;
}

/** Chooses a vertex's links among `length` rising candidates, none twice and none itself, and writes them as keys. */
function choose(g: QGraph, s: QSlot, candidates: usize, length: u32, links: usize): void {
  const most = g.degree;
  let kept: u32 = 0;
  let equal: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const key = keyAt(candidates, i) & ~1;
    let filled: u64 = 1;
    const distance = distanceOf(key);
    if (kept == most) {
      setKey(candidates, i, key | 1);
      continue;
    }
    if (distance <= 0) {
      if (equal < most >> 1) filled = 0;
      equal++;
    } else {
      loadCode(g, s, nodeOf(key));
      if (!occluded(g, s, kept, distance)) filled = 0;
    }
    setKey(candidates, i, key | filled);
    if (filled) continue;
    const at = s.kept + (<usize>kept << 2);
    const node = nodeOf(key);
    store<u32>(at, node);
    store<u32>(at, node, 4);
    store<u32>(at, node, 8);
    store<u32>(at, node, 12);
    kept++;
  }
  // The kept and the nearest of the others, in order.
  let free = most - kept;
  let count: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const key = keyAt(candidates, i);
    if (key & 1) {
      if (!free) continue;
      free--;
    }
    setKey(links, count++, key);
  }
  for (; count < most; count++) setKey(links, count, NO_KEY);
}

/** Writes a vertex's record from its links. */
function writeRecord(g: QGraph, node: u32): void {
  const links = g.linksOf(node);
  const record = g.record(node);
  for (let i: u32 = 0; i < g.degree; i++) {
    const key = keyAt(links, i);
    if (key == NO_KEY) break;
    encodeEdge(g, record, i, nodeOf(key), g.turned(nodeOf(key)), g.turned(node));
  }
}

/** Puts a key into its place among rising keys, over the one at place `gone`. */
function placeKey(keys: usize, length: u32, gone: u32, key: u64): void {
  let i = gone;
  for (; i > 0 && keyAt(keys, i - 1) > key; i--) setKey(keys, i, keyAt(keys, i - 1));
  for (; i + 1 < length && keyAt(keys, i + 1) < key; i++) setKey(keys, i, keyAt(keys, i + 1));
  setKey(keys, i, key);
}

/** Offers the loaded vertex `node`, at a distance, to the links of `owner`. */
function linkBack(g: QGraph, s: QSlot, owner: u32, node: u32, distance: f32): void {
  const links = g.linksOf(owner);
  const most = g.degree;
  const key = nodeKey(distance, node);
  const last = keyAt(links, most - 1);
  let length: u32 = 0;
  let hidden = false;
  let equal: u32 = 0;
  for (; length < most; length++) {
    const other = keyAt(links, length);
    if (other == NO_KEY) break;
    if (nodeOf(other) == node) return;
    if (distanceOf(other) <= 0) equal++;
  }
  if (distance <= 0 && equal >= most >> 1) return;
  for (let i: u32 = 0; i < length; i += 4) {
    const end = length - 1;
    const d = distances(
      g, s, nodeOf(keyAt(links, i)), nodeOf(keyAt(links, min(i + 1, end))),
      nodeOf(keyAt(links, min(i + 2, end))), nodeOf(keyAt(links, min(i + 3, end))),
    );
    for (let j = i; j < min(i + 4, length); j++) {
      const other = keyAt(links, j);
      if (other & 1) continue;
      let between = f32x4.extract_lane(d, 0);
      if (j == i + 1) between = f32x4.extract_lane(d, 1);
      else if (j == i + 2) between = f32x4.extract_lane(d, 2);
      else if (j == i + 3) between = f32x4.extract_lane(d, 3);
      if (other < key) hidden = hidden || between < distance;
      else if (!hidden && between < distanceOf(other)) setKey(links, j, other | 1);
    }
    if (hidden && length == most && key > last) return;
  }
  let gone = length;
  if (length == most) {
    // The farthest filled one, else the farthest.
    while (gone > 0 && !(keyAt(links, gone - 1) & 1)) gone--;
    gone = gone ? gone - 1 : most - 1;
    const farthest = keyAt(links, gone);
    if (farthest < key && (hidden || !(farthest & 1))) return;
  }
  const record = g.record(owner);
  const lane = laneOf(g, record, length == most ? nodeOf(keyAt(links, gone)) : NONE);
  placeKey(links, most, gone, hidden ? key | 1 : key);
  encodeEdge(g, record, lane, node, g.turned(node), g.turned(owner));
}

/** Searches for a vertex of the store; results in `s.results`, rising. */
export function findNear(g: QGraph, s: QSlot, node: u32, ef: u32): u32 {
  loadCode(g, s, node);
  s.start = s.half;
  s.scored = 0;
  signTables(g.turned(node), g.padded, s.entries, s.tables);
  const found = walk<CodeVisit>(g, s, ef, ef, 0, 0, false);
  // Too few to fill a list: the estimates of few vertices filled the beam.
  return found > g.degree ? found : walk<CodeVisit>(g, s, ef, ef, 0, 0, true);
}

/** Links the vertices of a list, in its order, by a search with a beam of `ef` (at most the slot's pool); again where linked. */
export function qgraphLink(g: QGraph, s: QSlot, list: usize, length: u32, ef: u32): void {
  for (let i: u32 = 0; i < length; i++) {
    const node = load<u32>(list + (<usize>i << 2));
    const found = findNear(g, s, node, ef);
    const links = g.linksOf(node);
    let count: u32 = 0;
    for (let j: u32 = 0; j < found; j++) {
      const key = keyAt(s.results, j);
      if (<u32>key != node) setKey(s.candidates, count++, nodeKey(distanceOf(key), <u32>key));
    }
    // Links that the search did not find again stay candidates.
    const fresh = count;
    for (let j: u32 = 0; j < g.degree; j++) {
      const key = keyAt(links, j);
      if (key == NO_KEY) break;
      let again = false;
      for (let n: u32 = 0; n < fresh && !again; n++) again = nodeOf(keyAt(s.candidates, n)) == nodeOf(key);
      if (!again) setKey(s.candidates, count++, key & ~1);
    }
    if (count > fresh) sortKeys(s.candidates, count);
    choose(g, s, s.candidates, count, links);
    writeRecord(g, node);
    loadCode(g, s, node);
    for (let j: u32 = 0; j < g.degree; j++) {
      const key = keyAt(links, j);
      if (key == NO_KEY) break;
      linkBack(g, s, nodeOf(key), node, distanceOf(key));
    }
  }
}
