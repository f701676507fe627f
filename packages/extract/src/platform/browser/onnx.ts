/** The runtime of ONNX models in a page: the build that has WebAssembly alone, the smallest one. */
import { ExtractError } from "../../errors.js";
import type { RuntimeName } from "../../session.js";

export type OnnxLibrary = typeof import("onnxruntime-web");

/** @throws ExtractError MODEL_NOT_FOUND there is no native runtime in a page */
export async function library(runtime: RuntimeName): Promise<OnnxLibrary> {
  if (runtime !== "web")
    throw new ExtractError("MODEL_NOT_FOUND", "The runtime node is not there in a page; the runtime web is");
  return import("onnxruntime-web/wasm") as Promise<OnnxLibrary>;
}
