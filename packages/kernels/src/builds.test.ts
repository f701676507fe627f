/** Every build keeps the rules that let several instances share one memory. */
import { describe, expect, test } from "vitest";
import { buildNames, instance, kernelBytes, runnable } from "./load.js";

/** Sections of a WebAssembly module by number, with their bytes. */
function sections(bytes: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at++];
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    found.set(id, bytes.subarray(at, at + length));
    at += length;
  }
  return found;
}

/** True when a global section holds a mutable one; every global of ours is an i32 constant. */
function hasMutableGlobal(section: Uint8Array): boolean {
  const count = section[0];
  let at = 1;
  for (let i = 0; i < count; i++) {
    if (section[at + 1] === 1) return true;
    at += 2;
    while (section[at] !== 11) at++;
    at++;
  }
  return false;
}

describe.each(buildNames)("build %s", (build) => {
  test("has no static data and no mutable global", async () => {
    const parts = sections(await kernelBytes(build));
    expect(parts.has(11), "data section").toBe(false);
    expect(hasMutableGlobal(parts.get(6) ?? Uint8Array.of(0))).toBe(false);
  });

  test("uses SIMD", async () => {
    const code = sections(await kernelBytes(build)).get(10)!;
    expect(code.filter((byte) => byte === 253).length).toBeGreaterThan(200);
  });

  test("runs where its features are there", async ({ skip }) => {
    if (!(await runnable(build))) skip("the platform has no relaxed SIMD");
    const { exports, u32 } = await instance(build, 1);
    u32[16] = 0b1011;
    u32[17] = 0xffffffff;
    expect(exports.countBits(64, 40)).toBe(3 + 8);
  });
});
