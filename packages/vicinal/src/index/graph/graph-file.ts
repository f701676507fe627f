/**
 * A saved graph, walked where it lies: only its upper layers are in memory; lists of neighbours and vectors are read as the walk
 * comes to them, checked with the block around them when that is first touched. It answers as the graph in memory does, in some
 * hundred times the time, and is there while that is being read.
 *
 * The walk is that of the kernels (walk.ts), one node at a time, and on the floats: what is written in codes lies on other blocks.
 */
import { bitWords, countBits, hasBit, setBit } from "../../runtime/bits.js";
import { VicinalError } from "../../runtime/errors.js";
import type {
  Calibration,
  EffortDial,
  FileIndex,
  Metric,
  SearchRequest,
  SearchResult,
  SectionFile,
} from "../contract.js";
import type { FileVectors } from "../file-vectors.js";
import { Beam } from "./beam.js";
import { FILTER_MARGIN, GRAPH_EFFORT } from "./graph-index.js";
import { NO_NODE } from "./graph-memory.js";
import { type Damaged, damageOf, describedGraph, type GraphDescription, type Understand } from "./load.js";

/** Where walks start: the upper layers of a layered graph, or the entries of a flat one. */
interface Upper {
  levels: Uint8Array;
  /** Of each node, the number of its first list. */
  at: Uint32Array;
  lists: Uint32Array;
  entries: Uint32Array;
}

/** CORRUPTION when the file is not that of a graph over such vectors. */
export async function openGraphFile(
  vectors: FileVectors,
  saved: SectionFile,
  family: string,
  understand: Understand,
): Promise<FileIndex> {
  const damaged = damageOf(family);
  const described = describedGraph(saved.meta, vectors, understand, damaged);
  const { count, slots, upperSlots, upperBlocks, entryCount } = described.shape;
  const words = async (name: string, length: number) => {
    if (saved.length(name) !== length * 4)
      throw damaged(`section ${name} has ${saved.length(name)} bytes, ${length * 4} expected`);
    const target = new Uint32Array(length);
    if (length > 0) await saved.readInto(name, new Uint8Array(target.buffer));
    return target;
  };
  if (saved.length("links") !== count * slots * 4) throw damaged("the links are not those of its nodes");
  const levels = new Uint8Array(upperSlots > 0 ? count : 0);
  const at = new Uint32Array(levels.length);
  if (levels.length > 0) {
    if (saved.length("levels") !== count) throw damaged("the levels are not those of its nodes");
    await saved.readInto("levels", levels);
    let blocks = 0;
    for (let node = 0; node < count; node++) {
      at[node] = blocks;
      blocks += levels[node];
    }
    if (blocks !== upperBlocks) throw damaged(`levels sum to ${blocks}, ${upperBlocks} expected`);
  }
  const lists = await words("upper", upperBlocks * upperSlots);
  const entries = await words("entries", entryCount);
  return new GraphFile(vectors, saved, described, { levels, at, lists, entries }, damaged);
}

class GraphFile implements FileIndex {
  readonly exact = false;
  readonly effort: EffortDial = GRAPH_EFFORT;
  readonly family: string;
  readonly vectors: FileVectors;
  calibration: Calibration | undefined;
  readonly #saved: SectionFile;
  readonly #graph: GraphDescription;
  readonly #upper: Upper;
  readonly #damaged: Damaged;
  /** The list and the vector that were read last. */
  readonly #list: Uint32Array;
  readonly #row: Float32Array;

  constructor(
    vectors: FileVectors,
    saved: SectionFile,
    graph: GraphDescription,
    upper: Upper,
    damaged: Damaged,
  ) {
    this.vectors = vectors;
    this.family = graph.kind.family;
    this.calibration = graph.calibration;
    this.#saved = saved;
    this.#graph = graph;
    this.#upper = upper;
    this.#damaged = damaged;
    this.#list = new Uint32Array(graph.shape.slots);
    this.#row = new Float32Array(vectors.dimensions);
  }

  async search(request: SearchRequest): Promise<SearchResult> {
    try {
      return this.#walk(request);
    } catch (reason) {
      if (!(reason instanceof VicinalError) || reason.code !== "CORRUPTION") throw reason;
      // An index can be made anew; where the vectors are damaged, the scan says so.
      return this.vectors.scan(request);
    }
  }

  #walk({ query, k, effort, bits }: SearchRequest): SearchResult {
    const { count } = this.vectors;
    const ef = Math.min(count, Math.max(k, Math.ceil(effort)));
    const matching = bits ? countBits(bits) : count;
    const width = bits ? Math.min(count, Math.ceil((ef * FILTER_MARGIN * count) / matching)) : ef;
    const distanceTo = this.#distances(query);
    const beam = new Beam(width);
    const found = bits ? new Beam(Math.min(ef, matching)) : beam;
    const seen = new Uint32Array(bitWords(count));
    let scored = 0;
    let visited = 0;
    const see = (node: number) => {
      if (hasBit(seen, node)) return;
      setBit(seen, node);
      scored++;
      const distance = distanceTo(node);
      beam.add(node, distance);
      if (bits && hasBit(bits, node)) found.add(node, distance);
    };
    for (const node of this.#starts(distanceTo)) see(node);
    for (let place = beam.next(); place >= 0; place = beam.next()) {
      if (bits && found.isFull && beam.distances[place] > found.worst) break;
      visited++;
      for (const link of this.#neighbours(beam.take(place))) {
        if (link === NO_NODE) break;
        see(link);
      }
    }
    const length = Math.min(k, found.size);
    return {
      ordinals: found.nodes.slice(0, length),
      distances: Float32Array.from(found.distances.subarray(0, length)),
      exhausted: !beam.dropped,
      stats: { scored, visited, readBytes: scored * this.#row.byteLength + visited * this.#list.byteLength },
    };
  }

  /** Nodes of layer 0 from which to walk on. */
  #starts(distanceTo: (node: number) => number): Iterable<number> {
    const { shape, start } = this.#graph;
    if (shape.upperSlots === 0) return this.#upper.entries;
    let { entry: best } = start;
    if (best === NO_NODE) return [];
    let distance = distanceTo(best);
    for (let layer = start.top; layer > 0; layer--)
      for (let from = NO_NODE; from !== best; ) {
        from = best;
        for (const node of this.#above(from, layer)) {
          const other = distanceTo(node);
          if (other < distance) [best, distance] = [node, other];
        }
      }
    return [best];
  }

  /** The list of a node in a layer above 0. */
  #above(node: number, layer: number): Uint32Array {
    const { upperSlots, count } = this.#graph.shape;
    const { levels, at, lists } = this.#upper;
    const from = (at[node] + layer - 1) * upperSlots;
    const list = lists.subarray(from, from + upperSlots);
    const end = list.indexOf(NO_NODE);
    const nodes = end < 0 ? list : list.subarray(0, end);
    for (const link of nodes)
      if (link >= count || levels[link] < layer)
        throw this.#damaged(`a link of layer ${layer} names node ${link}, which is not in it`);
    return nodes;
  }

  #neighbours(node: number): Uint32Array {
    const list = this.#list;
    const { count } = this.#graph.shape;
    this.#saved.readNow?.("links", node * list.byteLength, new Uint8Array(list.buffer));
    for (const link of list)
      if (link >= count && link !== NO_NODE) throw this.#damaged(`a link names node ${link} of ${count}`);
    return list;
  }

  #distances(query: Float32Array): (node: number) => number {
    const row = this.#row;
    const bytes = new Uint8Array(row.buffer);
    const measure = measures[this.vectors.metric];
    return (node) => {
      this.vectors.readNow(node, bytes);
      return measure(query, row);
    };
  }

  memoryBytes(): number {
    const { levels, at, lists, entries } = this.#upper;
    return levels.byteLength + at.byteLength + lists.byteLength + entries.byteLength;
  }

  close(): void {}
}

const measures: Readonly<Record<Metric, (a: Float32Array, b: Float32Array) => number>> = {
  Cosine: (a, b) => 1 - dot(a, b),
  Dot: (a, b) => -dot(a, b),
  Euclid(a, b) {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
    return sum;
  },
  Manhattan(a, b) {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
    return sum;
  },
};

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
