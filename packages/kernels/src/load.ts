/** For tests: instances of the built kernels, from the modules that the build wrote. */
import { readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";

const folder = new URL("../../vicinal/src/runtime/wasm/", import.meta.url);

export const buildNames = ["shared", "unshared", "shared-relaxed", "unshared-relaxed"] as const;
export type BuildName = (typeof buildNames)[number];

/** The bytes of a build; that for an ordinary memory differs from the shared one in the flags of its import alone. */
export async function kernelBytes(build: BuildName): Promise<Uint8Array<ArrayBuffer>> {
  const name = build.endsWith("relaxed") ? "relaxed" : "strict";
  const text = await readFile(new URL(`${name}.ts`, folder), "utf8");
  const base64 = /"([^"]+)"/.exec(text)?.[1];
  if (!base64) throw new Error(`No build in ${name}.ts`);
  const bytes = Buffer.from(base64, "base64");
  if (build.startsWith("unshared")) bytes[bytes.indexOf("memory") + "memory".length + 1] = 1;
  return new Uint8Array(bytes);
}

/** True when this platform can run the build; Node 20 has relaxed SIMD behind a flag, which is set here. */
export async function runnable(build: BuildName): Promise<boolean> {
  const bytes = await kernelBytes(build);
  if (WebAssembly.validate(bytes)) return true;
  setFlagsFromString("--experimental-wasm-relaxed-simd");
  return WebAssembly.validate(bytes);
}

export interface Instance {
  exports: Record<string, (...values: number[]) => number>;
  u8: Uint8Array;
  u32: Uint32Array;
  f32: Float32Array;
}

/** An instance over a memory of its own, of the given number of pages. */
export async function instance(build: BuildName, pages: number): Promise<Instance> {
  const shared = build.startsWith("shared");
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536, shared });
  const module = await WebAssembly.compile(await kernelBytes(build));
  const made = await WebAssembly.instantiate(module, { env: { memory } });
  return {
    exports: made.exports as Instance["exports"],
    u8: new Uint8Array(memory.buffer),
    u32: new Uint32Array(memory.buffer),
    f32: new Float32Array(memory.buffer),
  };
}
