/** The classic names, as users of Faiss know them: each a family with a metric and an encoding. */
import type { Index } from "./contract.js";
import { type CodedOptions, createIndex, type IndexOptions } from "./create.js";

/** Makes indexes of one kind. */
export interface IndexMaker<O = IndexOptions> {
  /** `d`: numbers per vector, 1..65535. */
  create(d: number, options?: O): Promise<Index>;
}

type Fixed = Omit<IndexOptions, "metric">;

function maker<O extends IndexOptions>(family: string, fixed: IndexOptions = {}): IndexMaker<O> {
  return {
    create: (dimensions, options) =>
      createIndex({
        family,
        dimensions,
        ...options,
        ...fixed,
        parameters: { ...options?.parameters, ...fixed.parameters },
      }),
  };
}

/** Exact, squared Euclidean distance. */
export const IndexFlatL2: IndexMaker<Fixed> = maker("flat", { metric: "Euclid" });
/** Exact, inner product. */
export const IndexFlatIP: IndexMaker<Fixed> = maker("flat", { metric: "Dot" });
/** Exact, any metric. */
export const IndexFlat: IndexMaker = maker("flat");
/** A navigable graph; parameters `m`, `efConstruct`, `encoding`. */
export const IndexHNSW: IndexMaker = maker("hnsw");
/** The same over float vectors, without codes. */
export const IndexHNSWFlat: IndexMaker = maker("hnsw", { parameters: { encoding: "float32" } });
/** Inverted lists; parameters `lists`, `encoding`, `iterations`, `epsilon`. */
export const IndexIVF: IndexMaker = maker("ivf");
export const IndexIVFFlat: IndexMaker = maker("ivf", { parameters: { encoding: "float32" } });
export const IndexIVFPQ: IndexMaker = maker("ivf", { parameters: { encoding: "pq4" } });
export const IndexIVFScalarQuantizer: IndexMaker = maker("ivf", { parameters: { encoding: "sq8" } });
export const IndexIVFRaBitQ: IndexMaker = maker("ivf", { parameters: { encoding: "rabitq" } });
/** A navigating spreading-out graph; parameters `degree`, `neighbors`, `searchListSize`, `candidates`, `encoding`. */
export const IndexNSG: IndexMaker = maker("nsg");
/** Hash tables; parameters `hash`, `tables`, `functions`, `width`. */
export const IndexLSH: IndexMaker = maker("lsh");

function coded(fixed: CodedOptions["codec"]): IndexMaker<CodedOptions> {
  return {
    create: (dimensions, options) =>
      createIndex({ family: "flat", dimensions, ...options, codec: { ...fixed, ...options?.codec } }),
  };
}

/** A scan of 8-bit codes; codec options `bits` (8 or 4), `range`, `rotate`; or `type` `float16` or `uint8`. */
export const IndexScalarQuantizer: IndexMaker<CodedOptions> = coded({ type: "sq" });
/** A scan of product codes; codec options `parts`, `bits` (8 or 4); `type: "opq"` turns vectors first. */
export const IndexPQ: IndexMaker<CodedOptions> = coded({ type: "pq" });
/** A scan of RaBitQ codes; codec option `bits`, 1 to 8. */
export const IndexRaBitQ: IndexMaker<CodedOptions> = coded({ type: "rabitq" });
