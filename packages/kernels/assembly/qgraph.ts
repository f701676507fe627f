// The quantized graph as it lies in memory: each vertex carries codes of its neighbours, so that visiting it estimates
// the distances of all of them without touching them.
//
// Gou, Gao, Xu, Long, "SymphonyQG: Towards Symphonious Integration of Quantization and Graph for Approximate Nearest
// Neighbor Search" (2025); the idea of codes beside edges: NGT-QG. Everything happens in one space: vectors less their
// mean, turned by a random rotation, R = P(x - mean), where the distance is half the squared Euclidean one:
//
//   Euclid    the vectors as they are
//   Cosine    unit vectors: half the squared distance is 1 - cosine
//   Dot       vectors lifted onto a sphere, (x, sqrt(M^2 - x.x)) with M the largest length, queries (q, 0): half the
//             squared distance is a constant less the inner product (Bachrach et al. 2014)
//
// A vertex is a vector's ordinal; its record is `degree` / 32 blocks and its own 8-bit code (codes.ts) of R, up to whole
// cache lines:
//
//   block     [ ids: 32 u32, NONE where there is none ][ factors: 32 x (add, scale) ][ codes: tables x 16 bytes ]
//   codes     signs of R(neighbour) - R(vertex), in the order of fast-scan.ts
//   factors   one u32: the upper halves of two f32, `scale` above `add`
//
// With r = R(neighbour) - R(vertex), y = r's signs (halved) and f = |r|^2 / <y, r> (rabitq.ts has the reasons):
//
//   distance ~ distance of the vertex + add + scale <y, Rq>      add = |r|^2 / 2 + f <y, R(vertex)>, scale = -f
//
// so that a query's tables are made once. 16 bits keep 1/256 of a factor: a tenth of the estimate's own error or less.
// An absent neighbour has add = infinity. The root is a record of entry vertices, coded against the mean: a search
// starts at those that seem nearest.

import { CODE_HEAD_BYTES } from "./codes";
import { BLOCK, Tables } from "./fast-scan";
import { Metric } from "./metrics";

export const NONE: u32 = 0xffffffff;
/** Ids and factors before a block's codes. */
export const HEAD_BYTES: usize = 256;
/** Vertices that one step visits at most, measured by one call: their records are on their way together. */
export const WIDTH: u32 = 4;
/** An absent neighbour's factors: add infinite, scale 0. */
export const ABSENT: u32 = 0x7f80;

@final @unmanaged
export class QGraph {
  metric: Metric;
  dimensions: u32;
  /** Components in the rotated space, a multiple of 16. */
  padded: u32;
  /** Neighbours of a vertex, a multiple of 32. */
  degree: u32;
  count: u32;
  rows: usize;
  records: usize;
  /** Mean: dimensions f32, and one more for the lift of Dot. */
  mean: usize;
  signs: usize;
  root: usize;
  rootBlocks: u32;
  /** The length M of lifted vectors; 0 where nothing is lifted. */
  sphere: f32;
  /** Whether searches measure visited vertices by their 8-bit codes; else by the floats. */
  coded: u32;
  // Of a build only.
  /** R of all vectors, `padded` f32 each. */
  rotated: usize;
  /** A vertex's links as rising keys, `degree` of them, behind the last ~0: see qgraph-link.ts. */
  links: usize;

  @inline blockBytes(): usize {
    return HEAD_BYTES + (<usize>this.padded << 2);
  }

  /** Where a record's 8-bit code begins. */
  @inline codeAt(): usize {
    return this.blockBytes() * <usize>(this.degree / BLOCK);
  }

  @inline recordBytes(): usize {
    return (this.codeAt() + CODE_HEAD_BYTES + <usize>this.padded + 63) & ~63;
  }

  @inline record(node: u32): usize {
    return this.records + <usize>node * this.recordBytes();
  }

  @inline row(node: u32): usize {
    return this.rows + <usize>node * (<usize>this.dimensions << 2);
  }

  @inline turned(node: u32): usize {
    return this.rotated + <usize>node * (<usize>this.padded << 2);
  }

  @inline code(node: u32): usize {
    return this.record(node) + this.codeAt();
  }

  @inline linksOf(node: u32): usize {
    return this.links + <usize>node * (<usize>this.degree << 3);
  }
}

// A slot is one thread's scratch: see layOut.
@final @unmanaged
export class QSlot {
  /** The query that is searched for. */
  query: usize;
  /** R of the query. */
  rotated: usize;
  /** Its 8-bit form, with scale and half norm. */
  code: usize;
  scale: f32;
  half: f32;
  /** `padded` zeros. */
  zeros: usize;
  /** What a float distance is multiplied by, and the distance of the mean. */
  unit: f32;
  start: f32;
  entries: usize;
  tables: Tables;
  sums: usize;
  batch: usize;
  /** A bit per vertex. */
  visited: usize;
  visitedBytes: u32;
  pool: usize;
  results: usize;
  poolLength: u32;
  /** Of choosing links: candidates, the kept among them, flags. */
  candidates: usize;
  kept: usize;
  ordinals: usize;
  distances: usize;
  /** Of the last search: distances estimated or measured, vertices visited, whether nothing was left out. */
  scored: u32;
  expanded: u32;
  exhausted: u32;
  /** Takes what was only loaded to bring it near, so that the loads stay. */
  sink: u32;
}

// @ts-ignore: decorator
@inline
function aligned(bytes: usize): usize {
  return (bytes + 63) & ~63;
}

/** Lays a slot out from `at` on, or (`s` = 0) only counts its bytes. */
function layOut(at: usize, g: QGraph, poolLength: u32, s: QSlot): usize {
  const start = at;
  const write = changetype<usize>(s) != 0;
  const padded = <usize>g.padded;
  at += aligned(offsetof<QSlot>());
  if (write) s.rotated = at;
  at += aligned(padded << 2);
  if (write) s.code = at;
  at += aligned(padded << 1);
  if (write) {
    s.zeros = at;
    memory.fill(at, 0, padded << 2);
  }
  at += aligned(padded << 2);
  if (write) s.entries = at;
  at += aligned(padded << 2);
  if (write) s.tables = changetype<Tables>(at);
  at += 64;
  if (write) s.sums = at;
  at += 128;
  if (write) s.batch = at;
  at += aligned(<usize>(WIDTH * g.degree) << 3);
  const visitedBytes = aligned((<usize>g.count + 7) >> 3);
  if (write) {
    s.visited = at;
    s.visitedBytes = <u32>visitedBytes;
  }
  at += visitedBytes;
  // The root's best may be more than a small pool holds.
  const length = <usize>poolLength << 3;
  if (write) {
    s.pool = at;
    s.poolLength = poolLength;
  }
  at += aligned(length);
  if (write) s.results = at;
  at += aligned(length);
  if (write) s.candidates = at;
  at += aligned(length + (<usize>g.degree << 3));
  if (write) s.kept = at;
  at += aligned((<usize>g.degree + 4) << 2);
  if (write) s.ordinals = at;
  at += aligned(length >> 1);
  if (write) s.distances = at;
  at += aligned(length >> 1);
  return at - start;
}

export function qgraphBytes(): u32 {
  return offsetof<QGraph>();
}

export function qgraphSlotBytes(g: QGraph, poolLength: u32): usize {
  return layOut(0, g, poolLength, changetype<QSlot>(0));
}

export function initQgraphSlot(at: usize, g: QGraph, poolLength: u32): void {
  layOut(at, g, poolLength, changetype<QSlot>(at));
}

/** Where an answer's ordinals (u32) and distances (f32) are. */
export function qgraphOrdinals(s: QSlot): usize {
  return s.ordinals;
}

export function qgraphDistances(s: QSlot): usize {
  return s.distances;
}

/** Address of: scored, expanded, exhausted (u32 each). */
export function qgraphStats(s: QSlot): usize {
  return changetype<usize>(s) + offsetof<QSlot>("scored");
}

/** Describes a graph; `rotated` and `links` are 0 but for a build. */
export function initQgraph(
  g: QGraph, metric: Metric, dimensions: u32, padded: u32, degree: u32, count: u32, rows: usize, records: usize,
  mean: usize, signs: usize, root: usize, rootBlocks: u32, sphere: f32, coded: u32,
  rotated: usize, links: usize,
): void {
  g.metric = metric;
  g.dimensions = dimensions;
  g.padded = padded;
  g.degree = degree;
  g.count = count;
  g.rows = rows;
  g.records = records;
  g.mean = mean;
  g.signs = signs;
  g.root = root;
  g.rootBlocks = rootBlocks;
  g.sphere = sphere;
  g.rotated = rotated;
  g.coded = coded;
  g.links = links;
}
