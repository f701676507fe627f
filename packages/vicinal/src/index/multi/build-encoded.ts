/** Builds and loads the two-stage index of multi-vectors. */
import { corruption, VicinalError } from "../../runtime/errors.js";
import type { IndexChoice } from "../choice.js";
import type { BuildOptions, LoadedIndex, VectorIndex, VectorKind } from "../contract.js";
import { familyNamed } from "../families.js";
import { checkedCalibration, expectStore } from "../saved-meta.js";
import { runInSlices } from "../steps-runner.js";
import { VectorStore } from "../vector-store.js";
import { DEFAULT_SEED } from "../withheld.js";
import { ENCODER } from "./defaults.js";
import { EncodedIndex, FORMAT } from "./encoded-index.js";
import { checkedParameters, encodedDimensions, FixedEncoder } from "./fixed-encoder.js";
import type { MaxSimScan } from "./max-sim-scan.js";
import { measureEncoded } from "./measure-encoded.js";

/** Families of the first stage: their effort is the number of candidates. */
export const stageFamilies = ["hnsw", "nsg", "vamana", "quantized-graph", "flat"];

/** What the first stage serves; undefined where encodings say nothing (of distances), so that multi-vectors are scanned. */
export function encodedKind({ dimensions, metric }: VectorKind): VectorKind | undefined {
  if (metric === "Euclid" || metric === "Manhattan") return undefined;
  return { dimensions: encodedDimensions(ENCODER, dimensions), metric: "Dot" };
}

/** BAD_REQUEST where a family cannot be the first stage. */
export function checkStage(family: string): void {
  if (stageFamilies.includes(family)) return;
  throw new VicinalError(
    "BAD_REQUEST",
    `${family} does not serve multi-vectors; there are: ${stageFamilies.join(", ")}`,
    { allowed: stageFamilies },
  );
}

/** How the work divides: encoding, building the first stage, measuring. */
const ENCODED_AT = 0.3;
const BUILT_AT = 0.8;
/** Documents that are encoded between two looks at the clock. */
const STEP_DOCUMENTS = 4;

/** As `IndexFamily.build`, over the documents of a scan. Works in slices on the calling thread, but for the first stage. */
export async function buildEncoded(
  scan: MaxSimScan,
  { family, parameters }: IndexChoice,
  options: BuildOptions,
): Promise<EncodedIndex> {
  const { signal, seed = DEFAULT_SEED } = options;
  const total = scan.documents.count;
  const report = (done: number) => options.progress?.(Math.floor(done), total);
  const encoder = new FixedEncoder(scan.store, ENCODER);
  const encodings = await storeFor(encoder, total);
  let stage: VectorIndex | undefined;
  try {
    await runInSlices(encodeAll(scan, encoder, encodings), (done) => report(done * ENCODED_AT), signal);
    const progress = (done: number) => report(total * ENCODED_AT + done * (BUILT_AT - ENCODED_AT));
    const stageOptions = { signal, seed, progress, calibrate: false };
    stage = await familyNamed(family).build(encodings, parameters, stageOptions);
    const index = new EncodedIndex(scan, encoder, stage);
    if (options.calibrate !== false)
      index.calibration = await runInSlices(
        measureEncoded(index, seed, total),
        (done) => report(total * BUILT_AT + done * (1 - BUILT_AT)),
        signal,
      );
    return index;
  } catch (reason) {
    stage?.release();
    encodings.close();
    encoder.close();
    throw reason;
  }
}

function storeFor({ dimensions }: FixedEncoder, documents: number): Promise<VectorStore> {
  return VectorStore.create({ dimensions, metric: "Dot", capacity: documents, tight: true });
}

function* encodeAll(scan: MaxSimScan, encoder: FixedEncoder, target: VectorStore): Generator<number, void> {
  const { documents } = scan;
  const { count } = documents;
  for (let document = 0; document < count; document++) {
    target.append(encoder.encodeDocument(documents.first(document), documents.end(document)));
    if (document % STEP_DOCUMENTS === 0) yield document;
  }
}

/** Reads back what `save` gave; CORRUPTION where it does not fit the documents. */
export async function loadEncoded(
  scan: MaxSimScan,
  family: string,
  saved: LoadedIndex,
): Promise<EncodedIndex> {
  const damaged = (what: string) => corruption("index", 0, "an index of multi-vectors", what, "contents");
  const { meta } = saved;
  expectStore(meta, scan.store, FORMAT, damaged);
  const { count } = scan.documents;
  if (meta.documents !== count) throw damaged(`it has ${String(meta.documents)} documents, not ${count}`);
  const parameters = checkedParameters(meta, damaged);
  const calibration = checkedCalibration(meta.calibration, damaged);
  const length = count * encodedDimensions(parameters, scan.store.dimensions) * 4;
  if (saved.length("encodings") !== length) throw damaged("the encodings have another length");
  const encoder = new FixedEncoder(scan.store, parameters);
  const encodings = await storeFor(encoder, count);
  try {
    await encodings.restore(count, (target) => saved.readInto("encodings", target));
    const stage = await familyNamed(family).load(encodings, {
      meta: meta.stage as Record<string, unknown>,
      length: (name) => saved.length(`stage.${name}`),
      readInto: (name, target) => saved.readInto(`stage.${name}`, target),
    });
    const index = new EncodedIndex(scan, encoder, stage);
    index.calibration = calibration;
    return index;
  } catch (reason) {
    encodings.close();
    encoder.close();
    throw reason;
  }
}
