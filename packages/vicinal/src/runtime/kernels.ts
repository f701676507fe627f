/**
 * The kernels: WebAssembly built from packages/kernels, one build per process (chosen once by what the platform
 * can do), one instance per thread and memory. Instances hold no state of their own.
 */
import { assert } from "./assert.js";

/** What the builds export. Addresses and sizes are bytes in the instance's memory; see packages/kernels/assembly. */
export interface Kernels
  extends LshKernels,
    BinaryKernels,
    PostingKernels,
    QuantizedGraphKernels,
    SparseKernels {
  scan(
    metric: number,
    query: number,
    rows: number,
    dimensions: number,
    count: number,
    bits: number,
    k: number,
    heap: number,
    ordinals: number,
    distances: number,
  ): number;
  scoreList(
    metric: number,
    query: number,
    rows: number,
    dimensions: number,
    list: number,
    length: number,
    distances: number,
  ): void;
  scanList(
    metric: number,
    query: number,
    rows: number,
    dimensions: number,
    list: number,
    length: number,
    scratch: number,
    k: number,
    heap: number,
    ordinals: number,
    distances: number,
  ): number;
  scanBatch(
    metric: number,
    queries: number,
    queryCount: number,
    rows: number,
    dimensions: number,
    from: number,
    to: number,
    k: number,
    heaps: number,
    sizes: number,
  ): void;
  /** See packages/kernels/assembly/max-sim.ts. */
  maxSim(
    metric: number,
    queries: number,
    queryCount: number,
    rows: number,
    dimensions: number,
    runs: number,
    count: number,
    minima: number,
    distances: number,
  ): void;
  finishBatch(
    queryCount: number,
    k: number,
    heaps: number,
    sizes: number,
    ordinals: number,
    distances: number,
  ): void;
  offerScores(
    distances: number,
    first: number,
    count: number,
    bits: number,
    k: number,
    heap: number,
    size: number,
  ): number;
  countBits(bits: number, count: number): number;
  plainEncode(type: number, floats: number, count: number, target: number): void;
  plainDecode(type: number, numbers: number, count: number, floats: number): void;
  plainScores(
    type: number,
    metric: number,
    query: number,
    codes: number,
    dimensions: number,
    count: number,
    distances: number,
  ): void;

  meanOf(rows: number, dimensions: number, count: number, step: number, sums: number, mean: number): void;
  encodeRows(
    rows: number,
    dimensions: number,
    from: number,
    to: number,
    mean: number,
    padded: number,
    normed: number,
    codes: number,
    codeBytes: number,
  ): void;

  assignBytes(): number;
  assignRows(
    rows: number,
    rowBytes: number,
    list: number,
    from: number,
    to: number,
    dimensions: number,
    centroids: number,
    k: number,
    assignment: number,
    distances: number,
    scratch: number,
  ): number;
  sumRows(
    rows: number,
    rowBytes: number,
    list: number,
    from: number,
    to: number,
    dimensions: number,
    assignment: number,
    sums: number,
    counts: number,
  ): void;
  moveCentroids(
    sums: number,
    counts: number,
    k: number,
    dimensions: number,
    centroids: number,
    spherical: number,
  ): void;
  seedDistances(
    rows: number,
    rowBytes: number,
    list: number,
    count: number,
    step: number,
    dimensions: number,
    seed: number,
    distances: number,
  ): number;
  pickWeighted(distances: number, count: number, target: number): number;

  treeBytes(): number;
  initTree(
    at: number,
    metric: number,
    dimensions: number,
    rows: number,
    nodes: number,
    pivots: number,
    order: number,
    nodeCount: number,
    codes: number,
    codeBytes: number,
    mean: number,
  ): void;
  treeSlotBytes(nodeCount: number, dimensions: number): number;
  treeSlotStats(slot: number): number;
  treeSearch(
    tree: number,
    query: number,
    k: number,
    effort: number,
    bits: number,
    width: number,
    factor: number,
    heap: number,
    ordinals: number,
    distances: number,
    slot: number,
  ): number;

  graphBytes(): number;
  initGraph(
    at: number,
    metric: number,
    dimensions: number,
    rows: number,
    codes: number,
    codeBytes: number,
    mean: number,
    links: number,
    linkBytes: number,
    linkSlots: number,
    levels: number,
    upperAt: number,
    upper: number,
    upperBytes: number,
    upperSlots: number,
    capacity: number,
    entry: number,
    top: number,
    entries: number,
    entryCount: number,
  ): void;
  graphEntry(graph: number): number;
  graphTop(graph: number): number;
  slotBytes(dimensions: number, capacity: number, poolLength: number): number;
  initSlot(at: number, dimensions: number, capacity: number, poolLength: number): void;
  slotQuery(slot: number): number;
  slotOrdinals(slot: number): number;
  slotDistances(slot: number): number;
  slotStats(slot: number): number;
  graphInsert(graph: number, slot: number, list: number, length: number, ef: number): void;
  graphPlace(graph: number, slot: number, list: number, length: number, ef: number): void;
  graphGiveBack(
    graph: number,
    slot: number,
    list: number,
    length: number,
    share: number,
    shares: number,
  ): void;
  graphLink(
    source: number,
    target: number,
    slot: number,
    list: number,
    length: number,
    ef: number,
    width: number,
    visited: number,
    most: number,
    keep: number,
    factor: number,
  ): void;
  graphLinkBack(
    graph: number,
    slot: number,
    list: number,
    length: number,
    keep: number,
    factor: number,
  ): void;
  graphTrim(source: number, target: number, slot: number, list: number, length: number, factor: number): void;
  graphRepair(graph: number, slot: number, count: number, ef: number, reached: number, stack: number): number;
  nnBytes(): number;
  nnSampleBytes(sample: number): number;
  initNn(
    at: number,
    graph: number,
    nodes: number,
    count: number,
    k: number,
    lists: number,
    sample: number,
    samples: number,
    seed: number,
  ): void;
  nnFill(nn: number, slot: number, from: number, to: number): void;
  nnClear(nn: number, from: number, to: number): void;
  nnSample(nn: number, from: number, to: number): void;
  nnOffer(nn: number, from: number, to: number): void;
  nnJoin(nn: number, slot: number, from: number, to: number): number;
  nnLinks(nn: number, graph: number, from: number, to: number): void;
  graphSearch(
    graph: number,
    slot: number,
    k: number,
    ef: number,
    refine: number,
    bits: number,
    width: number,
    budget: number,
  ): number;

  rotate(x: number, padded: number, signs: number): void;
  rotateBack(x: number, padded: number, signs: number): void;
  difference(a: number, b: number, dimensions: number, padded: number, target: number): void;
  codebookSumBytes(width: number, size: number): number;
  codebookRound(
    rows: number,
    count: number,
    padded: number,
    parts: number,
    size: number,
    codebooks: number,
    sums: number,
    round: number,
  ): void;

  codebookSnap(
    rows: number,
    count: number,
    padded: number,
    parts: number,
    size: number,
    codebooks: number,
    scratch: number,
  ): void;
  codecBytes(): number;
  initCodec(
    codec: number,
    body: number,
    metric: number,
    dimensions: number,
    padded: number,
    bits: number,
    parts: number,
    codeBytes: number,
    centre: number,
    signs: number,
    matrix: number,
    codebooks: number,
    range: number,
    epsilon: number,
    first: number,
    second: number,
    zeros: number,
    query: number,
  ): void;
  codecResiduals(codec: number, rows: number, count: number, target: number): void;
  codecEncode(codec: number, rows: number, count: number, codes: number): void;
  codecDecode(codec: number, codes: number, count: number, rows: number): void;
  codecQuery(codec: number, query: number): void;
  codecEstimate(codec: number, codes: number, count: number, estimates: number, bounds: number): void;

  ivfBytes(): number;
  ivfSlotBytes(padded: number, tables: number, lists: number): number;
  initIvfSlot(slot: number, padded: number, tables: number, lists: number): void;
  initIvf(
    head: number,
    metric: number,
    encoding: number,
    dimensions: number,
    padded: number,
    tables: number,
    lists: number,
    rows: number,
    centroids: number,
    starts: number,
    sizes: number,
    ids: number,
    blocks: number,
    origin: number,
    signs: number,
    codebooks: number,
    coarse: number,
    coarseIds: number,
  ): void;
  ivfStats(slot: number): number;
  ivfEncode(head: number, slot: number, from: number, to: number, epsilon: number): void;
  ivfEncodeCentroids(head: number, slot: number, epsilon: number): void;
  ivfSearch(
    head: number,
    slot: number,
    query: number,
    k: number,
    probes: number,
    bits: number,
    heap: number,
    ordinals: number,
    distances: number,
  ): number;
}

/** Locality-sensitive hashing; see packages/kernels/assembly/lsh.ts. */
export interface LshKernels {
  lshBytes(): number;
  initLsh(
    at: number,
    metric: number,
    kind: number,
    dimensions: number,
    rows: number,
    count: number,
    tables: number,
    functions: number,
    cellBits: number,
    inverseWidth: number,
    largest: number,
    padded: number,
    lastAxes: number,
    directions: number,
    offsets: number,
    multipliers: number,
    starts: number,
    entries: number,
  ): void;
  lshWorkBytes(lsh: number, effort: number): number;
  lshAnswerBytes(): number;
  initLshWork(work: number, lsh: number, effort: number): void;
  lshFingerprints(
    lsh: number,
    work: number,
    table: number,
    from: number,
    to: number,
    fingerprints: number,
  ): void;
  lshIntegers(lsh: number, work: number, table: number, vector: number, integers: number): void;
  lshFill(lsh: number, table: number, fingerprints: number): void;
  lshBuckets(lsh: number, table: number): number;
  lshSearch(
    lsh: number,
    work: number,
    answer: number,
    query: number,
    bits: number,
    effort: number,
    k: number,
    keys: number,
    ordinals: number,
    distances: number,
  ): number;
}

/** Binary codes; see packages/kernels/assembly/binary.ts and mih.ts. */
export interface BinaryKernels {
  binaryEncode(
    rows: number,
    dimensions: number,
    from: number,
    to: number,
    planes: number,
    thresholds: number,
    bits: number,
    largest: number,
    codes: number,
    stride: number,
  ): void;
  binaryReorder(
    source: number,
    target: number,
    length: number,
    stride: number,
    bits: number,
    order: number,
  ): void;
  binaryScan(
    query: number,
    codes: number,
    stride: number,
    from: number,
    to: number,
    filter: number,
    k: number,
    heap: number,
    size: number,
  ): number;
  binaryScores(
    query: number,
    codes: number,
    stride: number,
    count: number,
    table: number,
    scores: number,
  ): void;
  mihBytes(): number;
  initMih(
    at: number,
    codes: number,
    stride: number,
    bits: number,
    count: number,
    parts: number,
    starts: number,
    members: number,
  ): void;
  mihWorkBytes(bits: number, count: number): number;
  initMihWork(work: number, bits: number): void;
  mihFill(mih: number, part: number): void;
  mihSearch(
    mih: number,
    work: number,
    query: number,
    filter: number,
    k: number,
    heap: number,
    mode: number,
  ): number;
}

/** Products of sparse vectors; see packages/kernels/assembly/sparse.ts. */
export interface SparseKernels {
  sparseBytes(): number;
  initSparse(
    at: number,
    base: number,
    count: number,
    starts: number,
    blocks: number,
    posts: number,
    largest: number,
    places: number,
    values: number,
  ): void;
  sparseWorkBytes(blocks: number, entries: number): number;
  initSparseWork(work: number, blocks: number): void;
  sparseSearch(
    postings: number,
    work: number,
    query: number,
    terms: number,
    bits: number,
    k: number,
    heap: number,
    size: number,
  ): number;
}

/** Postings read from files; see packages/kernels/assembly/posting.ts and codes.ts. */
export interface PostingKernels {
  encodeQuery(row: number, mean: number, dimensions: number, padded: number, query: number): number;
  postingCodes(
    query: number,
    scale: number,
    posting: number,
    count: number,
    stride: number,
    padded: number,
    total: number,
    remaining: number,
    fresh: number,
    k: number,
    heap: number,
    tally: number,
  ): void;
  postingRows(
    metric: number,
    query: number,
    posting: number,
    count: number,
    dimensions: number,
    total: number,
    remaining: number,
    fresh: number,
    k: number,
    heap: number,
    tally: number,
  ): void;
  postingHits(heap: number, tally: number, ordinals: number, distances: number): number;
}

/** The quantized graph; see packages/kernels/assembly/qgraph.ts. */
export interface QuantizedGraphKernels {
  qgraphBytes(): number;
  initQgraph(
    graph: number,
    metric: number,
    dimensions: number,
    padded: number,
    degree: number,
    count: number,
    rows: number,
    records: number,
    mean: number,
    signs: number,
    root: number,
    rootBlocks: number,
    sphere: number,
    coded: number,
    rotated: number,
    links: number,
  ): void;
  qgraphSlotBytes(graph: number, poolLength: number): number;
  initQgraphSlot(slot: number, graph: number, poolLength: number): void;
  qgraphOrdinals(slot: number): number;
  qgraphDistances(slot: number): number;
  qgraphStats(slot: number): number;
  qgraphLift(graph: number, step: number): number;
  qgraphTurn(graph: number, from: number, to: number, zeros: number): void;
  qgraphClear(graph: number, entries: number, length: number): void;
  qgraphLink(graph: number, slot: number, list: number, length: number, ef: number): void;
  qgraphRepair(graph: number, slot: number, ef: number, parents: number, stack: number): number;
  qgraphSearch(
    graph: number,
    slot: number,
    query: number,
    k: number,
    width: number,
    keep: number,
    refine: number,
    bits: number,
    budget: number,
  ): number;
}

export type KernelBuild = "shared" | "unshared" | "shared-relaxed" | "unshared-relaxed";

/** A compiled build. The module can be posted to another thread; it is compiled once. */
export interface KernelModule {
  build: KernelBuild;
  /** True when memories of this build are shared between threads. */
  shared: boolean;
  module: WebAssembly.Module;
}

// (module (func (export "") (drop (f32x4.relaxed_madd (v128.const 0) x3)))), assembled by hand.
const relaxedProbe = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0],
  ...[65, 0, 253, 17, 65, 0, 253, 17, 65, 0, 253, 17, 253, 133, 2, 11],
);

/** Builds that this platform can run, best first. */
export function availableBuilds(): KernelBuild[] {
  const shared = canShare();
  const relaxed = WebAssembly.validate(relaxedProbe);
  const builds: KernelBuild[] = [];
  if (shared && relaxed) builds.push("shared-relaxed");
  if (shared) builds.push("shared");
  if (relaxed) builds.push("unshared-relaxed");
  builds.push("unshared");
  return builds;
}

/** Shared memory is there, and (in a page) may be posted, which needs cross-origin isolation. */
function canShare(): boolean {
  if (typeof SharedArrayBuffer === "undefined") return false;
  const isolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated;
  return isolated !== false || "process" in globalThis;
}

const loading = new Map<KernelBuild, Promise<KernelModule>>();

/** Loads and compiles a build, once per thread; without an argument the best that the platform can run. */
export function loadKernels(build: KernelBuild = availableBuilds()[0]): Promise<KernelModule> {
  let promise = loading.get(build);
  if (!promise) {
    promise = compile(build);
    loading.set(build, promise);
  }
  return promise;
}

async function compile(build: KernelBuild): Promise<KernelModule> {
  const shared = build.startsWith("shared");
  const bytes = await kernelBytes(build);
  return { build, shared, module: await WebAssembly.compile(bytes) };
}

/** What the import of a memory looks like: "env", "memory", a memory; then its flags. */
const memoryImport = String.fromCharCode(3, ...text("env"), 6, ...text("memory"), 2);
/** Flags of a memory that has a maximum, and is shared. */
const [WITH_MAXIMUM, SHARED] = [1, 2];

function text(name: string): number[] {
  return Array.from(name, (character) => character.charCodeAt(0));
}

/** The module of a build. What is built for shared memory runs on an ordinary one once its import says so. */
export async function kernelBytes(build: KernelBuild): Promise<Uint8Array<ArrayBuffer>> {
  const { wasm } = build.endsWith("relaxed")
    ? await import("./wasm/relaxed.js")
    : await import("./wasm/strict.js");
  const module = atob(wasm);
  const bytes = Uint8Array.from(module, (byte) => byte.charCodeAt(0));
  const flags = module.indexOf(memoryImport) + memoryImport.length;
  assert(bytes[flags] === (WITH_MAXIMUM | SHARED), "the kernels import a shared memory");
  if (build.startsWith("unshared")) bytes[flags] = WITH_MAXIMUM;
  return bytes;
}

/** An instance of the kernels over one memory, for the calling thread. */
export function instantiate(kernels: KernelModule, memory: WebAssembly.Memory): Kernels {
  assert(kernels.shared === isShared(memory), "a memory belongs to the kernels' build");
  const instance = new WebAssembly.Instance(kernels.module, { env: { memory } });
  return instance.exports as unknown as Kernels;
}

export function isShared(memory: WebAssembly.Memory): boolean {
  return typeof SharedArrayBuffer !== "undefined" && memory.buffer instanceof SharedArrayBuffer;
}
