/** What a collection is: its vectors with their metrics, its field indexes, and the settings it was given. */
import { chooseIndex, encodingOfBits, type IndexChoice } from "../index/choice.js";
import type { Metric, VectorKind } from "../index/contract.js";
import { checkStage, encodedKind } from "../index/multi/index.js";
import type { FieldSchema } from "../payload/columns.js";
import type { Datatype } from "./datatype.js";

type Settings = Record<string, unknown>;

export interface VectorConfig {
  /** Dimensions. */
  size: number;
  distance: Metric;
  /** What its numbers are rounded to; `float32` where absent. */
  datatype?: Datatype;
  /** Points have several vectors of this name, and the best match of each counts (MaxSim). */
  multi?: boolean;
  /** Index family; `hnsw` where absent. */
  family?: string;
  /** Parameters of the family, as given. */
  index?: Settings;
  /** Graph settings of this vector, over those of the collection; in Qdrant's names. */
  hnsw?: Settings;
  /** Size of codes, in Qdrant's form; that of the collection where absent. */
  quantization?: Settings;
  /** As given at creation, echoed by the collection's info. */
  given: Settings;
  /** Sequence number of the write that added the vector to a collection that was there; 0 where absent. */
  born?: number;
}

export interface SparseConfig {
  /** `idf`: queries weigh their terms by how rare they are; `none` where absent. */
  modifier?: "none" | "idf";
  /** As given at creation, echoed by the collection's info. */
  given: Settings;
  /** As of a dense vector. */
  born?: number;
}

export type { FieldSchema } from "../payload/columns.js";

/** JSON-able: it stands in the manifest. */
export interface CollectionConfig {
  /** By name; the unnamed vector is `""`. */
  vectors: Record<string, VectorConfig>;
  /** Sparse vectors by name; none of them has the name of one of the others. Absent in older manifests. */
  sparse?: Record<string, SparseConfig>;
  /** Graph settings (`m`, `ef_construct`, ...) for all vectors that have none of their own. */
  hnsw: Settings;
  optimizers: Settings;
  /** Everything else of the creation request: `quantization_config`, and what is only kept and shown. */
  other: Settings;
  fields: Record<string, FieldSchema>;
}

/** What of the graph settings an index is built by. */
const graphParameters = ["m", "ef_construct"];

/**
 * The index that serves a vector where its segment is large enough; `m: 0` of HNSW asks for none, as in Qdrant.
 * BAD_REQUEST or OUT_OF_RANGE where the family cannot serve it so.
 */
export function choiceOf(config: CollectionConfig, name: string): IndexChoice {
  const known = choices.get(config) ?? new Map<string, IndexChoice>();
  choices.set(config, known);
  const choice = known.get(name) ?? findChoice(config, name);
  known.set(name, choice);
  return choice;
}

/** A configuration never changes, and the optimizer asks after every write. */
const choices = new WeakMap<CollectionConfig, Map<string, IndexChoice>>();

function findChoice(config: CollectionConfig, name: string): IndexChoice {
  const { family = "hnsw", index, hnsw, quantization } = config.vectors[name];
  const kind = kindOf(config.vectors[name], family);
  if (!kind) return SCAN;
  let given: Settings = { ...index };
  if (family === "hnsw") {
    const graph = Object.entries({ ...config.hnsw, ...hnsw }).filter(([key]) =>
      graphParameters.includes(key),
    );
    given = { ...Object.fromEntries(graph), ...given };
    if (given.m === 0) return SCAN;
  }
  const bits = bitsOf(quantization ?? (config.other.quantization_config as Settings | undefined));
  const encoding = bits === undefined ? undefined : encodingOfBits(family, bits, kind);
  if (encoding !== undefined && given.encoding === undefined) given.encoding = encoding;
  return chooseIndex(family, given, kind);
}

const SCAN: IndexChoice = { family: "flat", parameters: {} };

/** The vectors that an index serves: of multi-vectors their encodings; undefined where there is nothing that an index could serve. */
function kindOf({ size, distance, multi }: VectorConfig, family: string): VectorKind | undefined {
  const kind = { dimensions: size, metric: distance };
  if (!multi) return kind;
  checkStage(family);
  return encodedKind(kind);
}

/** Bits per component of what Qdrant's quantization asks for. */
function bitsOf(quantization: Settings | undefined): number | undefined {
  if (!quantization) return undefined;
  const { scalar, product, binary, turbo } = quantization as Record<
    string,
    Record<string, string> | undefined
  >;
  if (scalar) return 8;
  // x4 is a quarter of 32 bits.
  if (product) return 32 / Number(product.compression.slice(1));
  if (binary) return { two_bits: 2, one_and_half_bits: 1.5 }[binary.encoding] ?? 1;
  if (turbo) return { bits1: 1, bits1_5: 1.5, bits2: 2 }[turbo.bits] ?? 4;
  return undefined;
}

/** The configuration after a change that names only what it changes; vectors that do not exist are passed over. */
export function changedConfig(config: CollectionConfig, change: Record<string, unknown>): CollectionConfig {
  const { vectors, sparse, hnsw, optimizers, other } = change as Partial<CollectionConfig>;
  const changed = {
    ...config,
    hnsw: { ...config.hnsw, ...hnsw },
    optimizers: { ...config.optimizers, ...optimizers },
    other: withoutDisabled({ ...config.other, ...other }),
    vectors: { ...config.vectors },
  };
  // Not by assignment: a vector may be called `__proto__`.
  for (const [name, diff] of Object.entries(vectors ?? {}))
    if (Object.hasOwn(config.vectors, name))
      changed.vectors = { ...changed.vectors, [name]: changedVector(config.vectors[name], diff) };
  for (const [name, { given }] of Object.entries(sparse ?? {}))
    if (Object.hasOwn(config.sparse ?? {}, name)) {
      const old = config.sparse?.[name].given;
      changed.sparse = { ...changed.sparse, [name]: sparseConfig({ ...old, ...given }) };
    }
  return changed;
}

/** Of dense and sparse vectors. */
export function vectorNames({ vectors, sparse }: CollectionConfig): string[] {
  return [...Object.keys(vectors), ...Object.keys(sparse ?? {})];
}

/** When the vector of that name was added; undefined where there is none. */
export function bornAt({ vectors, sparse = {} }: CollectionConfig, name: string): number | undefined {
  if (Object.hasOwn(vectors, name)) return vectors[name].born ?? 0;
  return Object.hasOwn(sparse, name) ? (sparse[name].born ?? 0) : undefined;
}

/** A vector that is added to a collection: one of the two. */
export interface NewVector {
  name: string;
  dense?: VectorConfig;
  sparse?: SparseConfig;
}

export function withVector(config: CollectionConfig, added: NewVector, born: number): CollectionConfig {
  const { name, dense, sparse } = added;
  // Not by assignment: a vector may be called `__proto__`.
  if (dense) return { ...config, vectors: { ...config.vectors, [name]: { ...dense, born } } };
  return { ...config, sparse: { ...config.sparse, [name]: { ...(sparse as SparseConfig), born } } };
}

export function withoutVector(config: CollectionConfig, name: string): CollectionConfig {
  const { [name]: _dense, ...vectors } = config.vectors;
  const { [name]: _sparse, ...sparse } = config.sparse ?? {};
  return { ...config, vectors, sparse };
}

export function sparseConfig(given: Settings): SparseConfig {
  return { modifier: given.modifier === "idf" ? "idf" : "none", given };
}

/** A family that is named comes with all its parameters; graph settings change one by one. */
function changedVector(old: VectorConfig, diff: Partial<VectorConfig>): VectorConfig {
  const { family, index, hnsw, quantization, given } = diff;
  const chosen = family === undefined ? {} : { family, index: index ?? {} };
  const graph = { ...(old.given.hnsw_config as Settings), ...(given?.hnsw_config as Settings) };
  const settings = Object.keys(graph).length > 0 ? { hnsw_config: graph } : {};
  return {
    ...old,
    ...chosen,
    hnsw: { ...old.hnsw, ...hnsw },
    quantization: isDisabled(quantization) ? undefined : (quantization ?? old.quantization),
    given: withoutDisabled({ ...old.given, ...given, ...settings }),
  };
}

function isDisabled(quantization: unknown): boolean {
  return quantization === "Disabled";
}

function withoutDisabled(settings: Settings): Settings {
  const { quantization_config, ...rest } = settings;
  return isDisabled(quantization_config) ? rest : settings;
}
