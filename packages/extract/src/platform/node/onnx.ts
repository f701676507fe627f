/** The runtimes of ONNX models in Node. */
import { ExtractError } from "../../errors.js";
import type { RuntimeName } from "../../session.js";

export type OnnxLibrary = typeof import("onnxruntime-web");

/** @throws ExtractError MODEL_NOT_FOUND the native runtime is not installed */
export async function library(runtime: RuntimeName): Promise<OnnxLibrary> {
  if (runtime === "web") return import("onnxruntime-web");
  // The name is not known to the compiler: the package is there only if the user wants it.
  const name = "onnxruntime-node";
  return import(name).catch((cause: unknown) => {
    throw new ExtractError(
      "MODEL_NOT_FOUND",
      `The runtime node needs the package ${name}: npm install ${name}`,
      { cause },
    );
  }) as Promise<OnnxLibrary>;
}
