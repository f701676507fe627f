/**
 * The memory bandwidth that one thread reaches from WebAssembly: the mark for a scan, which can be no faster than
 * the bytes arrive. The kernel only loads and combines, eight independent sums, so that nothing but memory counts.
 */
import asc from "assemblyscript/asc";
import { consume, median } from "./stats.js";

const source = `
export function sum(from: usize, to: usize): i32 {
  let a = i32x4.splat(0); let b = a; let c = a; let d = a; let e = a; let f = a; let g = a; let h = a;
  for (let at = from; at < to; at += 128) {
    a = i32x4.add(a, v128.load(at)); b = i32x4.add(b, v128.load(at, 16));
    c = i32x4.add(c, v128.load(at, 32)); d = i32x4.add(d, v128.load(at, 48));
    e = i32x4.add(e, v128.load(at, 64)); f = i32x4.add(f, v128.load(at, 80));
    g = i32x4.add(g, v128.load(at, 96)); h = i32x4.add(h, v128.load(at, 112));
  }
  const all = i32x4.add(i32x4.add(i32x4.add(a, b), i32x4.add(c, d)), i32x4.add(i32x4.add(e, f), i32x4.add(g, h)));
  return i32x4.extract_lane(all, 0) + i32x4.extract_lane(all, 1) + i32x4.extract_lane(all, 2) + i32x4.extract_lane(all, 3);
}
`;

export interface Bandwidth {
  /** Reads `megabytes` once; gives GB/s (10^9 bytes). */
  measure(): number;
}

/** A reader over memory of its own, as large as the vectors that are to be scanned. */
export async function bandwidthMeter(bytes: number): Promise<Bandwidth> {
  const { binary, stderr, error } = await asc.compileString(source, {
    optimizeLevel: 3,
    runtime: "stub",
    enable: ["simd"],
    importMemory: true,
    initialMemory: 1,
  });
  if (!binary) throw error ?? new Error(stderr.toString());
  const length = bytes - (bytes % 128);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(length / 65_536) });
  new Uint32Array(memory.buffer).fill(0x01020304);
  const { instance } = await WebAssembly.instantiate(binary as BufferSource, {
    env: { memory, abort: () => {} },
  });
  const sum = instance.exports.sum as (from: number, to: number) => number;
  sum(0, length);
  return {
    measure() {
      const started = performance.now();
      consume(sum(0, length));
      return length / (performance.now() - started) / 1e6;
    },
  };
}

export interface ScanResult {
  /** GB/s of vectors that an exact search reads. */
  scan: number;
  /** GB/s that memory gives in the same run. */
  memory: number;
}

/** Runs the scan and the reader in turns, and compares their medians. */
export async function compareScan(bytes: number, scan: () => Promise<void>): Promise<ScanResult> {
  const meter = await bandwidthMeter(bytes);
  const scans: number[] = [];
  const reads: number[] = [];
  await scan();
  for (let round = 0; round < 15; round += 1) {
    const started = performance.now();
    await scan();
    scans.push(bytes / (performance.now() - started) / 1e6);
    reads.push(meter.measure());
  }
  return { scan: median(scans), memory: median(reads) };
}
