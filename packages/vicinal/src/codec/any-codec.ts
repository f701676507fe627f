/** The codecs by name: how each is made from vectors, and read back. */
import type { KernelModule } from "../runtime/kernels.js";
import type { BatchCodec } from "./batch-codec.js";
import { DirectionCodec, loadDirectionCodec } from "./binary/index.js";
import { badField, damagedCodec, type SavedCodec, wholeField } from "./contract.js";
import { trainOptimizedProduct } from "./opq/index.js";
import { loadPlainCodec, PlainCodec, type PlainType, plainTypes } from "./plain-codec.js";
import { trainProduct } from "./pq/index.js";
import { trainRaBitQ } from "./rabitq/index.js";
import { trainScalar } from "./sq/index.js";
import { loadVectorCodec } from "./vector-codec.js";

/** What a codec is made with: its name, and the options of that codec. */
export interface CodecOptions {
  type: CodecName;
  dimensions: number;
  /** Default Euclid; for `binary` Cosine. */
  metric?: "Euclid" | "Cosine" | "Dot" | "Manhattan";
  [option: string]: unknown;
}

type Train = (module: KernelModule, vectors: Float32Array, options: never) => BatchCodec;

/** Those that learn from vectors. */
const learned = {
  sq: trainScalar as Train,
  pq: trainProduct as Train,
  opq: trainOptimizedProduct as Train,
  rabitq: trainRaBitQ as Train,
};
const learnedNames = Object.keys(learned) as (keyof typeof learned)[];

export type CodecName = PlainType | "binary" | keyof typeof learned;
export const codecNames: readonly CodecName[] = [...plainTypes, ...learnedNames, "binary"];

/** True for codecs that learn from vectors. */
export function mustTrain(type: CodecName): boolean {
  return learnedNames.some((name) => name === type);
}

/** Checks what all codecs take, before there are vectors; BAD_REQUEST names the field and what it may be. */
export function checkCodec({ type, dimensions, metric }: CodecOptions): void {
  if (!codecNames.some((name) => name === type)) throw badField("type", codecNames.join(", "), type);
  wholeField("dimensions", dimensions, 1, 65536);
  const served = servedMetrics(type);
  if (metric !== undefined && !served.includes(metric))
    throw badField("metric", `${served.join(", ")} for ${type}`, metric);
}

function servedMetrics(type: CodecName): readonly string[] {
  if (type === "binary") return ["Cosine"];
  return mustTrain(type) ? ["Euclid", "Cosine", "Dot"] : ["Euclid", "Cosine", "Dot", "Manhattan"];
}

/** Makes a codec; `vectors` are what it learns from, where it does. BAD_REQUEST names a field that is out of range. */
export function makeCodec(module: KernelModule, options: CodecOptions, vectors: Float32Array): BatchCodec {
  checkCodec(options);
  const { type, ...rest } = options;
  if (mustTrain(type)) return learned[type as keyof typeof learned](module, vectors, rest as never);
  if (type === "binary") return new DirectionCodec(module, rest as never);
  return new PlainCodec(module, type as PlainType, rest.dimensions, rest.metric);
}

/** Reads back what a codec's `save` gave; CORRUPTION when its parts do not fit together. */
export function loadCodec(module: KernelModule, saved: SavedCodec): BatchCodec {
  if (saved.codec === "binary") return loadDirectionCodec(module, saved);
  if (plainTypes.some((type) => type === saved.codec)) return loadPlainCodec(module, saved);
  if (!/^(?:rabitq|sq8|sq4|pq|opq)$/.test(saved.codec)) throw damagedCodec(`codec is ${saved.codec}`);
  return loadVectorCodec(module, saved);
}
