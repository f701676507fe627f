/** Reads saved codes back and fills their tables, trusting nothing that could lead a search out of its memory. */
import { VicinalError } from "../../runtime/errors.js";
import { inMemory } from "../build-memory.js";
import type { LoadedIndex } from "../contract.js";
import { checkedCalibration, expectStore, readSections } from "../saved-meta.js";
import type { VectorStore } from "../vector-store.js";
import { allocateMih } from "./build.js";
import { openCodes, partsFor } from "./code-tables.js";
import { checkedBits } from "./defaults.js";
import { MIH_FORMAT, MihIndex, type MihLayout, mihSections, releaseMih } from "./mih-index.js";

export async function loadCodes(store: VectorStore, saved: LoadedIndex): Promise<MihIndex> {
  const { meta } = saved;
  const { count, kernels } = store;
  expectStore(meta, store, MIH_FORMAT, damaged);
  const { largest, parts } = meta;
  const bits = savedBits(meta.bits);
  if (typeof largest !== "number" || !Number.isFinite(largest) || largest < 0)
    throw damaged(`largest is ${String(largest)}`);
  if (parts !== 0 && (count === 0 || parts !== partsFor(bits, count)))
    throw damaged(`parts is ${String(parts)}`);
  const calibration = checkedCalibration(meta.calibration, damaged);
  return inMemory(store, async (memory) => {
    const layout = allocateMih(store, { bits, largest, parts: parts as number });
    memory.onFailure(() => releaseMih(store, layout));
    await readSections(saved, mihSections(store, layout), damaged);
    checkCodes(store, layout);
    openCodes(store, layout.codes);
    for (let part = 0; part < layout.codes.parts; part++) kernels.mihFill(layout.codes.head, part);
    const index = new MihIndex(store, layout);
    index.calibration = calibration;
    return index;
  });
}

function damaged(what: string): VicinalError {
  return new VicinalError("CORRUPTION", `Corrupted MIH index: ${what}`, { what });
}

function savedBits(value: unknown): number {
  try {
    return checkedBits(value);
  } catch (cause) {
    throw damaged((cause as Error).message);
  }
}

/** The order must name every bit once; bits past the last must be 0, or a distance would count beyond the last place. */
function checkCodes(store: VectorStore, layout: MihLayout): void {
  const { u32 } = store.arena;
  const { codec, codes } = layout;
  const seen = new Uint8Array(codec.bits);
  for (let j = 0; j < codec.bits; j++) {
    const bit = u32[(codes.order >>> 2) + j];
    if (bit >= codec.bits || seen[bit]) throw damaged(`the order names bit ${bit}, or names it twice`);
    seen[bit] = 1;
  }
  const words = codec.stride >>> 2;
  for (let i = 0; i < codes.count; i++) {
    for (let word = codec.bits >>> 5; word < words; word++) {
      const allowed = word === codec.bits >>> 5 ? 2 ** (codec.bits & 31) - 1 : 0;
      if (u32[(codes.codes >>> 2) + i * words + word] & ~allowed)
        throw damaged(`code ${i} has more than ${codec.bits} bits`);
    }
  }
}
