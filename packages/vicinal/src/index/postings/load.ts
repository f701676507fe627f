/** Reads saved postings back, into memory or to be served from their file; trusts nothing that could lead a search astray. */
import { VicinalError } from "../../runtime/errors.js";
import type { ReadCache } from "../../runtime/read-cache.js";
import type { Calibration, LoadedIndex, SectionFile } from "../contract.js";
import type { FileVectors } from "../file-vectors.js";
import { checkedCalibration, readSections, wholeNumber } from "../saved-meta.js";
import { VectorStore } from "../vector-store.js";
import { type PostingEncoding, type PostingsParameters, postingsParameters } from "./defaults.js";
import { FilePostings } from "./file-postings.js";
import { Heads } from "./heads.js";
import { allocateLayout, type PostingLayout, releaseLayout } from "./posting-memory.js";
import { POSTINGS_FORMAT, PostingsIndex } from "./postings-index.js";

type Kind = Pick<FileVectors, "count" | "dimensions" | "metric">;

export async function loadPostings(store: VectorStore, saved: LoadedIndex): Promise<PostingsIndex> {
  const meta = checkedMeta(store, saved.meta);
  const headStore = VectorStore.within(store, headOptions(store, meta.heads));
  const { heads, layout } = await readHeads(headStore, store, saved, meta);
  const bytes = layout.starts[heads.count];
  let postings: number | undefined;
  try {
    postings = store.arena.allocate(bytes);
    const section = { name: "postings", bytes: store.arena.u8.subarray(postings, postings + bytes) };
    await readSections(saved, [section], damaged);
  } catch (error) {
    if (postings !== undefined) store.arena.release(postings);
    releaseLayout(headStore, layout);
    heads.close();
    throw error;
  }
  const index = new PostingsIndex(store, { heads, layout, postings }, meta.parameters);
  index.calibration = meta.calibration;
  return index;
}

export async function openPostings(
  vectors: FileVectors,
  saved: SectionFile,
  cache: ReadCache,
): Promise<FilePostings> {
  const meta = checkedMeta(vectors, saved.meta);
  const options = headOptions(vectors, meta.heads);
  const headStore = VectorStore.createWith(vectors.kernels, { ...options, tight: true });
  const { heads, layout } = await readHeads(headStore, vectors, saved, meta);
  const bytes = layout.starts[heads.count];
  if (saved.length("postings") !== bytes) {
    heads.close();
    throw damaged(`section postings has ${saved.length("postings")} bytes, ${bytes} expected`);
  }
  return new FilePostings(vectors, { heads, layout }, saved, cache, meta.calibration);
}

function damaged(what: string): VicinalError {
  return new VicinalError("CORRUPTION", `Corrupted postings: ${what}`, { what });
}

interface PostingsMeta {
  heads: number;
  encoding: PostingEncoding;
  parameters: PostingsParameters;
  calibration: Calibration | undefined;
}

function headOptions({ dimensions, metric }: Kind, heads: number) {
  return {
    dimensions: dimensions + (metric === "Dot" ? 1 : 0),
    metric: metric === "Manhattan" ? metric : ("Euclid" as const),
    capacity: heads,
  };
}

function checkedMeta(kind: Kind, meta: Record<string, unknown>): PostingsMeta {
  const { count, dimensions, metric } = kind;
  const expected = { format: POSTINGS_FORMAT, count, dimensions, metric };
  for (const [name, wanted] of Object.entries(expected))
    if (meta[name] !== wanted) throw damaged(`${name} is ${String(meta[name])}, ${String(wanted)} expected`);
  const { largestNorm: norm, graph } = meta;
  if (typeof norm !== "number" || !(metric === "Dot" ? norm > 0 : norm === 0))
    throw damaged(`largestNorm is ${String(norm)}`);
  if (typeof graph !== "object") throw damaged("the graph is not described");
  const parameters = checkedParameters(meta.parameters);
  const { encoding } = parameters;
  if (encoding === "auto") throw damaged("encoding is auto");
  if (encoding === "int8" && metric === "Manhattan") throw damaged("encoding is int8");
  return {
    encoding,
    parameters,
    heads: wholeNumber(meta, "heads", count > 0 ? 1 : 0, count, damaged),
    calibration: checkedCalibration(meta.calibration, damaged),
  };
}

function checkedParameters(given: unknown): PostingsParameters {
  try {
    return postingsParameters(given);
  } catch (cause) {
    throw damaged((cause as Error).message);
  }
}

/** What is in memory in either case. Closes the store when it fails. */
async function readHeads(
  headStore: VectorStore,
  kind: Kind,
  saved: LoadedIndex,
  meta: PostingsMeta,
): Promise<{ heads: Heads; layout: PostingLayout }> {
  const { count, dimensions, metric } = kind;
  const { encoding } = meta;
  let heads: Heads | undefined;
  let layout: PostingLayout | undefined;
  try {
    if (saved.length("heads") !== meta.heads * headStore.dimensions * 4)
      throw damaged(`section heads has ${saved.length("heads")} bytes`);
    heads = await Heads.load(headStore, saved, meta.heads);
    const sizes = new Uint32Array(meta.heads);
    await readSections(saved, [{ name: "sizes", bytes: new Uint8Array(sizes.buffer) }], damaged);
    if (sizes.some((size) => size > count)) throw damaged("a posting is longer than all vectors");
    layout = allocateLayout(headStore, { count, dimensions, metric, encoding, sizes });
    const mean = headStore.arena.u8.subarray(layout.mean, layout.mean + dimensions * 4);
    await readSections(saved, [{ name: "mean", bytes: mean }], damaged);
    return { heads, layout };
  } catch (error) {
    if (layout) releaseLayout(headStore, layout);
    if (heads) heads.close();
    else headStore.close();
    throw error;
  }
}
