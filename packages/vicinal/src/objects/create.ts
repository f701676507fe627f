/** Makes index objects, and reads saved ones. */
import type { Metric } from "../index/contract.js";
import { familyNamed } from "../index/families.js";
import { loadKernels } from "../runtime/kernels.js";
import { badArgument, checkedDimensions, checkedMetric, checkedWhole } from "./arguments.js";
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

export interface IndexDescription extends IndexOptions {
  /** `flat`, `hnsw`, `ivf`, ... */
  family: string;
  /** 1..65535 numbers per vector. */
  dimensions: number;
}

/** An empty index. BAD_REQUEST names the argument that is not understood, before anything is made. */
export async function createIndex(description: IndexDescription): Promise<Index> {
  const { parameters = {}, seed, calibrate = true } = description;
  const family = familyNamed(description.family);
  const metric = checkedMetric(description.metric ?? "Euclid");
  const dimensions = checkedDimensions(description.dimensions);
  if (seed !== undefined) checkedWhole("seed", seed, 0, 2 ** 32 - 1);
  if (typeof calibrate !== "boolean") throw badArgument("calibrate", "true or false", calibrate);
  family.parameters(parameters);
  return new FamilyIndex(family, await loadKernels(), { metric, dimensions, parameters, seed, calibrate });
}

/** The index that `save` gave as bytes; CORRUPTION when they are not that. */
export async function loadIndex(bytes: Uint8Array): Promise<Index> {
  const file = await sectionsOf(bytes, "index");
  switch (file.meta.object) {
    case "family": {
      const { family, kernels, settings, parts } = await readFamily(file);
      return new FamilyIndex(family, kernels, settings, parts);
    }
    default:
      throw damaged(`object ${String(file.meta.object)}`);
  }
}
