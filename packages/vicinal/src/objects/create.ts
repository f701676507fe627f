/** Makes index objects, and reads saved ones. */
import { type CodecName, type CodecOptions, checkCodec } from "../codec/index.js";
import { chooseIndex } from "../index/choice.js";
import type { Metric } from "../index/contract.js";
import { familyNamed, familyNames } from "../index/families.js";
import { loadKernels } from "../runtime/kernels.js";
import { badArgument, checkedDimensions, checkedMetric, checkedWhole } from "./arguments.js";
import { CodedIndex, MOST_REFINE } from "./coded-index.js";
import type { Index } from "./contract.js";
import { FamilyIndex } from "./family-index.js";
import { readFamily } from "./saved-family.js";
import { damaged, sectionsOf } from "./saved-form.js";

export interface IndexOptions {
  /** Default Euclid. */
  metric?: Metric;
  /** The family's own parameters; see docs/families.md. */
  parameters?: Record<string, unknown>;
  /** Seed of every random choice; the same seed and vectors give the same index. Default 42. */
  seed?: number;
  /** Measure recall when the index is built, so that `recall` can be asked for; default true. Costs part of the build. */
  calibrate?: boolean;
}

/** Flat over a codec. */
export interface CodedOptions {
  /** Default Euclid. */
  metric?: Metric;
  /** The codec's name and options; see docs/indexes.md. */
  codec?: { type?: CodecName; [option: string]: unknown };
  /**
   * How many times k vectors are measured again on their floats, 1..1000: the floats are kept beside the codes. Default 0:
   * only codes are kept.
   */
  refine?: number;
}

export interface IndexDescription extends IndexOptions, CodedOptions {
  /** `flat`, `hnsw`, `ivf`, ... */
  family: string;
  /** 1..65535 numbers per vector. */
  dimensions: number;
}

/** An empty index. BAD_REQUEST names the argument that is not understood, before anything is made. */
export async function createIndex(description: IndexDescription): Promise<Index> {
  const { parameters = {}, seed, calibrate = true } = description;
  if (!familyNames.includes(description.family))
    throw badArgument("family", familyNames.join(", "), description.family);
  const metric = checkedMetric(description.metric ?? "Euclid");
  const dimensions = checkedDimensions(description.dimensions);
  if (description.codec !== undefined) return createCoded(description, metric, dimensions);
  if (description.refine !== undefined) throw badArgument("refine", "given together with a codec", "alone");
  if (seed !== undefined) checkedWhole("seed", seed, 0, 2 ** 32 - 1);
  if (typeof calibrate !== "boolean") throw badArgument("calibrate", "true or false", calibrate);
  const chosen = chooseIndex(description.family, parameters, { metric, dimensions });
  const settings = { metric, dimensions, parameters: { ...chosen.parameters }, seed, calibrate };
  return new FamilyIndex(familyNamed(chosen.family), await loadKernels(), settings);
}

async function createCoded(
  description: IndexDescription,
  metric: Metric,
  dimensions: number,
): Promise<Index> {
  const { family, codec: given, refine = 0 } = description;
  if (family !== "flat") throw badArgument("codec", "left out but for flat: see `encoding`", "given");
  checkedWhole("refine", refine, 0, MOST_REFINE);
  const codec = { ...given, dimensions, metric } as CodecOptions;
  checkCodec(codec);
  if (codec.type === "uint8" && metric === "Cosine")
    throw badArgument(
      "metric",
      "Euclid, Dot, Manhattan for uint8: no number of a unit vector exceeds 1",
      metric,
    );
  return new CodedIndex(await loadKernels(), { codec, metric, refine });
}

/** The index that `save` gave as bytes; CORRUPTION when they are not that. */
export async function loadIndex(bytes: Uint8Array): Promise<Index> {
  const file = await sectionsOf(bytes, "index");
  switch (file.meta.object) {
    case "family": {
      const { family, kernels, settings, parts } = await readFamily(file);
      return new FamilyIndex(family, kernels, settings, parts);
    }
    case "codes":
      return CodedIndex.load(await loadKernels(), file);
    default:
      throw damaged(`object ${String(file.meta.object)}`);
  }
}
