/**
 * ONNX models, run by onnxruntime-web (WebAssembly, no native code), or by onnxruntime-node where the user has installed it and asks
 * for it. The web runtime runs in the process; its own threads do the work of large layers.
 */
import { ExtractError } from "./errors.js";
import { processors } from "./platform/node.js";

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
  /** Threads of one run; default half of the processors, at most 4: they wait for each other busily. */
  threads?: number;
}

/** @param name for messages */
export async function openSession(
  name: string,
  model: Uint8Array,
  { runtime = "web", threads = Math.min(4, Math.ceil(processors() / 2)) }: SessionOptions = {},
): Promise<Session> {
  const ort = await library(runtime);
  if (runtime === "web") ort.env.wasm.numThreads = threads;
  const session = await ort.InferenceSession.create(model, {
    // Without it the web runtime runs on the native one where both are loaded.
    executionProviders: [runtime === "web" ? "wasm" : "cpu"],
    intraOpNumThreads: threads,
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

type Library = typeof import("onnxruntime-web");

async function library(runtime: RuntimeName): Promise<Library> {
  if (runtime === "web") return import("onnxruntime-web");
  // The name is not known to the compiler: the package is there only if the user wants it.
  const name = "onnxruntime-node";
  return import(name).catch((cause: unknown) => {
    throw new ExtractError(
      "MODEL_NOT_FOUND",
      `The runtime node needs the package ${name}: npm install ${name}`,
      {
        cause,
      },
    );
  }) as Promise<Library>;
}

function tensorOf(ort: Library, data: Tensor["data"], shape: readonly number[]) {
  const type = data instanceof Float32Array ? "float32" : data instanceof Int32Array ? "int32" : "int64";
  return new ort.Tensor(type as "float32", data as Float32Array, shape as number[]);
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
