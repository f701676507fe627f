/**
 * ONNX models, run by onnxruntime-web (WebAssembly, no native code), or by onnxruntime-node where the user has installed it and asks
 * for it. The web runtime runs in the process; its own threads do the work of large layers.
 */

import { processors, sharesMemory } from "#platform/machine.js";
import { library, type OnnxLibrary } from "#platform/onnx.js";
import { ExtractError } from "./errors.js";

export interface Tensor {
  data: Float32Array | BigInt64Array | Int32Array;
  /** Sizes, the batch first. */
  shape: readonly number[];
}

export interface Session {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Only the outputs that are asked for are computed. */
  run(feeds: Record<string, Tensor>, outputs: readonly string[]): Promise<Record<string, Tensor>>;
  close(): Promise<void>;
}

export type RuntimeName = "web" | "node";

export interface SessionOptions {
  /** Default `web`. `node` needs the package onnxruntime-node. */
  runtime?: RuntimeName;
  /**
   * Threads of one run; default half of the processors, at most 4: they wait for each other busily. In a page that is not cross-origin
   * isolated always 1.
   */
  threads?: number;
  /**
   * Of the runtime `web`: the address of the folder where `ort-wasm-simd-threaded.mjs` and `.wasm` lie. Default: where the bundler, or
   * the package, has put them. One address a page or process: the first model's counts.
   */
  wasm?: string;
}

/** @param name for messages */
export async function openSession(
  name: string,
  model: Uint8Array,
  { runtime = "web", threads = Math.min(4, Math.ceil(processors() / 2)), wasm }: SessionOptions = {},
): Promise<Session> {
  const ort = await library(runtime);
  const most = sharesMemory ? threads : 1;
  if (runtime === "web") {
    ort.env.wasm.numThreads = most;
    if (wasm !== undefined) ort.env.wasm.wasmPaths = wasm.endsWith("/") ? wasm : `${wasm}/`;
  }
  const session = await ort.InferenceSession.create(model, {
    // Without it the web runtime runs on the native one where both are loaded.
    executionProviders: [runtime === "web" ? "wasm" : "cpu"],
    intraOpNumThreads: most,
    graphOptimizationLevel: "all",
  }).catch((cause: unknown) => {
    throw new ExtractError("MODEL_DAMAGED", `${name} is no model that can be run: ${messageOf(cause)}`, {
      cause,
    });
  });
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    async run(feeds, outputs) {
      const given = Object.entries(feeds).map(([input, { data, shape }]) => [
        input,
        tensorOf(ort, data, shape),
      ]);
      const found = await session.run(Object.fromEntries(given), outputs as string[]);
      return Object.fromEntries(
        outputs.map((output) => {
          const { data, dims } = found[output];
          return [output, { data: data as Tensor["data"], shape: dims }];
        }),
      );
    },
    close: () => session.release(),
  };
}

function tensorOf(ort: OnnxLibrary, data: Tensor["data"], shape: readonly number[]) {
  const type = data instanceof Float32Array ? "float32" : data instanceof Int32Array ? "int32" : "int64";
  return new ort.Tensor(type as "float32", data as Float32Array, shape as number[]);
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
