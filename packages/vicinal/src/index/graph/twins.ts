/**
 * Equal vectors. They are at distance 0, fill each other's lists and cut the way out, and a beam that falls among them sees
 * nothing else. So only the first of them, the *elder*, is linked like any vector; its *twins* hang below it:
 *
 *   elder -> twin -> up to slots - 1 twins -> ...     each with a link up
 *
 * so that a walk that comes to the elder finds as many of them as its beam holds, and no other node spends links on them.
 */
import type { VectorStore } from "../vector-store.js";
import type { GraphJob } from "./build-steps.js";
import { type GraphLayout, NO_NODE } from "./graph-memory.js";

/** Bytes of vectors that are looked at in one step. */
const STEP_BYTES = 4 << 20;

export interface Twins {
  /** Elder of each node; NO_NODE for those that are no twins. */
  elderOf: Uint32Array;
  /** The twins below each elder that has some in the graph. */
  families: Map<number, Siblings>;
}

interface Siblings {
  /** In the order in which they were attached. */
  nodes: number[];
  /** The first of them whose list may have room. */
  open: number;
}

/** Finds the twins among all vectors; those that are in the graph already come first. Undefined where there are none. */
export function* findTwins<M>(store: VectorStore, job: GraphJob<M>): Generator<number, Twins | undefined> {
  const { count, dimensions } = store;
  const { u32 } = store.arena;
  const first = store.rows >>> 2;
  const mask = 2 ** Math.ceil(Math.log2(2 * count + 2)) - 1;
  const table = new Uint32Array(mask + 1).fill(NO_NODE);
  const elderOf = new Uint32Array(count).fill(NO_NODE);
  const perStep = Math.max(1, Math.floor(STEP_BYTES / (dimensions * 4)));
  const families = new Map<number, Siblings>();
  const fresh = new Uint8Array(count);
  const order = u32.slice(job.order >>> 2, (job.order >>> 2) + job.bodyCount + job.withheldCount);
  for (const node of order) fresh[node] = 1;
  const old = count > order.length ? Uint32Array.from(fresh.keys()).filter((node) => !fresh[node]) : [];
  let found = 0;
  for (let i = 0; i < count; i++) {
    const node = i < old.length ? old[i] : order[i - old.length];
    const start = first + node * dimensions;
    let place = hash(u32, start, start + dimensions) & mask;
    while (table[place] !== NO_NODE && !same(u32, start, first + table[place] * dimensions, dimensions))
      place = (place + 1) & mask;
    if (table[place] === NO_NODE) table[place] = node;
    else {
      found++;
      elderOf[node] = table[place];
      if (i < old.length) siblingsOf(families, table[place]).nodes.push(node);
    }
    if ((i + 1) % perStep === 0) yield 0;
  }
  return found > 0 ? { elderOf, families } : undefined;
}

function siblingsOf(families: Map<number, Siblings>, elder: number): Siblings {
  let siblings = families.get(elder);
  if (!siblings) {
    siblings = { nodes: [], open: 0 };
    families.set(elder, siblings);
  }
  return siblings;
}

function hash(words: Uint32Array, start: number, end: number): number {
  let state = 0x811c9dc5;
  for (let i = start; i < end; i++) {
    state = Math.imul(state ^ words[i], 0x01000193);
    state ^= state >>> 15;
  }
  return state >>> 0;
}

function same(words: Uint32Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (words[a + i] !== words[b + i]) return false;
  return true;
}

/** The job without twins: its order, and the entries of a flat graph. */
export function withoutTwins<M>(store: VectorStore, job: GraphJob<M>, { elderOf }: Twins): GraphJob<M> {
  const { u32 } = store.arena;
  const start = job.order >>> 2;
  const end = start + job.bodyCount;
  const elders = (from: number, to: number) =>
    u32.slice(from, to).filter((node) => elderOf[node] === NO_NODE);
  const body = elders(start, end);
  const withheld = elders(end, end + job.withheldCount);
  u32.set(body, start);
  u32.set(withheld, start + body.length);
  const changed = { ...job, bodyCount: body.length, withheldCount: withheld.length };
  const { entries, entryCount } = job.layout;
  if (entryCount > 0) {
    const list = u32.subarray(entries >>> 2, (entries >>> 2) + entryCount);
    replaceTwins(list, body, elderOf);
    changed.entry = list[0];
  }
  return changed;
}

/** Entries that are twins give their places to others, spread over the body, as far as there are any. */
function replaceTwins(entries: Uint32Array, body: Uint32Array, elderOf: Uint32Array): void {
  const taken = new Set(entries);
  entries.forEach((node, i) => {
    if (elderOf[node] === NO_NODE) return;
    const start = Math.floor((i * body.length) / entries.length);
    const free = body.subarray(start).find((other) => !taken.has(other));
    if (free === undefined) return;
    taken.add(free);
    entries[i] = free;
  });
}

/** Hangs these nodes below their elders, if they are twins and not there yet; the elders are in the graph. */
export function attachTwins(
  store: VectorStore,
  layout: GraphLayout,
  twins: Twins,
  nodes: Iterable<number>,
): void {
  for (const node of nodes) {
    const elder = twins.elderOf[node];
    if (elder === NO_NODE) continue;
    const siblings = siblingsOf(twins.families, elder);
    const { nodes: attached } = siblings;
    while (
      siblings.open < attached.length &&
      lengthOf(store, layout, attached[siblings.open]) === layout.slots
    )
      siblings.open++;
    const parent = attached[siblings.open] ?? elder;
    clearLists(store, layout, node);
    link(store, layout, parent, node);
    link(store, layout, node, parent);
    attached.push(node);
  }
}

function lengthOf({ arena }: VectorStore, { links, slots }: GraphLayout, node: number): number {
  const start = (links >>> 2) + node * slots;
  const end = arena.u32.subarray(start, start + slots).indexOf(NO_NODE);
  return end < 0 ? slots : end;
}

/** Appends a link; in a full list it takes the last place. */
function link(store: VectorStore, layout: GraphLayout, from: number, to: number): void {
  const length = Math.min(lengthOf(store, layout, from), layout.slots - 1);
  store.arena.u32[(layout.links >>> 2) + from * layout.slots + length] = to;
}

function clearLists({ arena }: VectorStore, layout: GraphLayout, node: number): void {
  const { u32, u8 } = arena;
  const start = (layout.links >>> 2) + node * layout.slots;
  u32.fill(NO_NODE, start, start + layout.slots);
  if (layout.upperSlots === 0) return;
  const upper = (layout.upper >>> 2) + u32[(layout.upperAt >>> 2) + node] * layout.upperSlots;
  u32.fill(NO_NODE, upper, upper + u8[layout.levels + node] * layout.upperSlots);
}
