/** Reads saved lists back, trusting nothing that could lead a search out of its memory. */
import { VicinalError } from "../../runtime/errors.js";
import { inMemory } from "../build-memory.js";
import type { Calibration, LoadedIndex } from "../contract.js";
import { checkedCalibration, expectStore, readSections, wholeNumber } from "../saved-meta.js";
import type { VectorStore } from "../vector-store.js";
import { type IvfEncoding, type IvfParameters, ivfParameters } from "./defaults.js";
import { IVF_FORMAT, IvfIndex } from "./ivf-index.js";
import {
  allocateLists,
  allocateSlot,
  BLOCK,
  type ListLayout,
  listSections,
  NO_ID,
  openLists,
  placeLists,
} from "./list-memory.js";

interface IvfMeta {
  encoding: IvfEncoding;
  lists: number;
  blocks: number;
  parameters: IvfParameters;
  calibration: Calibration | undefined;
}

export async function loadLists(store: VectorStore, saved: LoadedIndex): Promise<IvfIndex> {
  const { encoding, lists, blocks, parameters, calibration } = checkedMeta(store, saved.meta);
  const { dimensions, count, arena } = store;
  return inMemory(store, async (memory) => {
    const layout = memory.keep(allocateLists(store, { dimensions, count, lists, blocks, encoding }));
    await readSections(saved, listSections(arena, layout), damaged);
    checkLists(store, layout);
    placeLists(arena, layout);
    openLists(store, layout);
    const slot = allocateSlot(store, layout);
    store.kernels.ivfEncodeCentroids(layout.head, slot, parameters.epsilon);
    const index = new IvfIndex(store, layout, parameters, slot);
    index.calibration = calibration;
    return index;
  });
}

function damaged(what: string): VicinalError {
  return new VicinalError("CORRUPTION", `Corrupted IVF index: ${what}`, { what });
}

function checkedMeta(store: VectorStore, meta: Record<string, unknown>): IvfMeta {
  const whole = (name: string, low: number, high: number) => wholeNumber(meta, name, low, high, damaged);
  const { count } = store;
  expectStore(meta, store, IVF_FORMAT, damaged);
  const { encoding, iterations, epsilon } = meta;
  if (encoding !== "float32" && encoding !== "rabitq" && encoding !== "pq4" && encoding !== "sq8")
    throw damaged(`encoding is ${String(encoding)}`);
  const lists = whole("lists", count > 0 ? 1 : 0, count);
  return {
    encoding,
    lists,
    blocks: whole("blocks", Math.ceil(count / BLOCK), Math.ceil(count / BLOCK) + lists),
    parameters: checkedParameters({ lists: Math.max(1, lists), encoding, iterations, epsilon }),
    calibration: checkedCalibration(meta.calibration, damaged),
  };
}

function checkedParameters(given: Record<string, unknown>): IvfParameters {
  try {
    return ivfParameters(given);
  } catch (cause) {
    throw damaged((cause as Error).message);
  }
}

/** Lists must fill the blocks, and hold every vector once. */
function checkLists(store: VectorStore, layout: ListLayout): void {
  const { u32 } = store.arena;
  const { count, lists, blocks } = layout;
  let needed = 0;
  let members = 0;
  for (let list = 0; list < lists; list++) {
    const size = u32[(layout.sizes >>> 2) + list];
    members += size;
    needed += Math.ceil(size / BLOCK);
  }
  if (members !== count || needed !== blocks)
    throw damaged(`lists hold ${members} vectors in ${needed} blocks, ${count} in ${blocks} expected`);
  const seen = new Uint8Array(count);
  let place = layout.ids >>> 2;
  for (let list = 0; list < lists; list++) {
    const size = u32[(layout.sizes >>> 2) + list];
    const end = place + Math.ceil(size / BLOCK) * BLOCK;
    for (let i = 0; place < end; place++, i++) {
      const id = u32[place];
      if (i >= size ? id === NO_ID : id < count && seen[id] === 0) {
        if (i < size) seen[id] = 1;
        continue;
      }
      throw damaged(`place ${i} of list ${list} names vector ${id} of ${count}`);
    }
  }
}
