/**
 * Memories: where vectors, codes and graphs lie, one per vector store, laid out by the host in regions.
 *
 * A dropped shared memory is given back by the platform late, so memories are pooled: closing one returns it to
 * a pool, and the next store takes the smallest idle one that fits; what exceeds the pool's bound is dropped. A
 * reused memory holds old bytes: whoever takes a region writes it before reading it.
 */
import { assert } from "./assert.js";
import { VicinalError } from "./errors.js";
import type { KernelModule } from "./kernels.js";

export const PAGE_BYTES = 65536;
/** WebAssembly addresses 4 GiB; the last page stays free so that no end address wraps around. */
const MAX_PAGES = 65535;
/** Address 0 means "none" to the kernels, so the first region starts behind it. */
const FIRST_ADDRESS = 64;
/** An idle memory this much larger than needed is left for a larger taker. */
const REUSE_FACTOR = 16;
/** The same for a taker that stays for long and should not hold more than it needs. */
const TIGHT_FACTOR = 1.5;

export interface MemoryStats {
  /** Memories in use, and bytes of address space they have grown to (untouched pages take no memory). */
  used: number;
  usedBytes: number;
  /** Memories that wait for reuse. */
  idle: number;
  idleBytes: number;
  /** Bytes of dropped memories that the collector has not taken yet. */
  droppedBytes: number;
}

/** Bytes that wait for reuse at most, so that a database whose merges are done holds little beyond what it uses. */
const IDLE_BYTES = 32 * 2 ** 20;
/**
 * The collector does not feel the weight of a shared memory (40 of 256 MB dropped in a loop: 9 GB resident), so no
 * more than this may wait for it; what exceeds it is kept for reuse instead, as by a database that is opened again and again.
 */
const DROPPED_BYTES = 2 ** 28;

/** Narrower bounds, of databases with a budget. */
const bounds = new Set<IdleBound>();

/** Bytes that wait for reuse at most, and those that, dropped, wait for the collector. */
export interface IdleBound {
  idle: number;
  dropped: number;
}

/** Holds until the result is called; what waits for reuse beyond it already is dropped. */
export function boundIdleMemories(bound: IdleBound): () => void {
  for (const pool of Object.values(idle)) trim(pool, bound.idle, DROPPED_BYTES);
  bounds.add(bound);
  return () => bounds.delete(bound);
}

const idle: Record<"shared" | "unshared", WebAssembly.Memory[]> = { shared: [], unshared: [] };
const used = new Set<WebAssembly.Memory>();
let droppedBytes = 0;
const collected = new FinalizationRegistry<number>((bytes) => {
  droppedBytes -= bytes;
  // Others may have had to wait for that.
  for (const pool of Object.values(idle)) trimToBounds(pool);
});

/** Memories of this thread, used and idle. */
export function memoryStats(): MemoryStats {
  const bytes = (memories: Iterable<WebAssembly.Memory>) => {
    let sum = 0;
    for (const memory of memories) sum += memory.buffer.byteLength;
    return sum;
  };
  const waiting = [...idle.shared, ...idle.unshared];
  return {
    used: used.size,
    usedBytes: bytes(used),
    idle: waiting.length,
    idleBytes: bytes(waiting),
    droppedBytes,
  };
}

function take(shared: boolean, needBytes: number, tight: boolean): WebAssembly.Memory {
  const pool = shared ? idle.shared : idle.unshared;
  const factor = tight ? TIGHT_FACTOR : REUSE_FACTOR;
  const leastBytes = tight ? PAGE_BYTES : 16 * PAGE_BYTES;
  let best = -1;
  let largest = -1;
  for (let i = 0; i < pool.length; i++) {
    const size = pool[i].buffer.byteLength;
    if (size >= needBytes) {
      if (size <= needBytes * factor || size <= leastBytes) {
        if (best < 0 || size < pool[best].buffer.byteLength) best = i;
      }
    } else if (largest < 0 || size > pool[largest].buffer.byteLength) largest = i;
  }
  const found = best >= 0 ? best : largest;
  const memory = found >= 0 ? pool.splice(found, 1)[0] : create(shared);
  used.add(memory);
  return memory;
}

/** Keeps a memory for reuse, or leaves it to the collector. */
function give(memory: WebAssembly.Memory, shared: boolean): void {
  const pool = shared ? idle.shared : idle.unshared;
  used.delete(memory);
  pool.push(memory);
  pool.sort((a, b) => a.buffer.byteLength - b.buffer.byteLength);
  trimToBounds(pool);
}

function trimToBounds(pool: WebAssembly.Memory[]): void {
  const narrowest = (least: number, of: keyof IdleBound) =>
    Math.min(least, ...[...bounds].map((bound) => bound[of]));
  trim(pool, narrowest(IDLE_BYTES, "idle"), narrowest(DROPPED_BYTES, "dropped"));
}

/** Leaves the largest ones to the collector until no more than these bytes are kept. */
function trim(pool: WebAssembly.Memory[], mostIdle: number, mostDropped: number): void {
  let bytes = pool.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  while (bytes > mostIdle) {
    const largest = pool[pool.length - 1];
    const size = largest.buffer.byteLength;
    if (droppedBytes > 0 && droppedBytes + size > mostDropped) return;
    pool.pop();
    bytes -= size;
    droppedBytes += size;
    collected.register(largest, size);
  }
}

/** A new memory with the widest address space that the platform gives. */
function create(shared: boolean): WebAssembly.Memory {
  if (!shared) return new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES });
  for (let maximum = 65536; ; maximum /= 4) {
    try {
      return new WebAssembly.Memory({ initial: 1, maximum, shared });
    } catch (cause) {
      if (maximum <= 1024) {
        throw new VicinalError("OUT_OF_MEMORY", "The platform refuses another shared memory", {}, { cause });
      }
    }
  }
}

interface Region {
  start: number;
  end: number;
}

/** One memory and its regions. Only the thread that made it reserves, commits and gives back; others borrow it. */
export class Arena {
  readonly memory: WebAssembly.Memory;
  readonly shared: boolean;
  /** True when another thread owns the memory. */
  readonly borrowed: boolean;
  /** Views of the whole memory, replaced when it grows: do not keep them across a call that may grow it. */
  u8!: Uint8Array;
  u32!: Uint32Array;
  i32!: Int32Array;
  f32!: Float32Array;
  /** Regions in order of address. */
  readonly #regions: Region[] = [];
  #closed = false;

  private constructor(memory: WebAssembly.Memory, shared: boolean, borrowed: boolean) {
    this.memory = memory;
    this.shared = shared;
    this.borrowed = borrowed;
    this.view();
  }

  /** `needBytes`: about how much will be reserved; helps to choose among idle memories. `tight`: it stays for long. */
  static create(kernels: KernelModule, needBytes: number, tight = false): Arena {
    return new Arena(take(kernels.shared, needBytes, tight), kernels.shared, false);
  }

  /** A memory that another thread owns. */
  static borrow(memory: WebAssembly.Memory): Arena {
    return new Arena(memory, true, true);
  }

  /** Takes new views; a borrower does it when the owner may have grown the memory. */
  view(): void {
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.f32 = new Float32Array(buffer);
  }

  /** Sets address space aside; its bytes may be touched only after `commit`. 64-byte aligned. */
  reserve(bytes: number): number {
    assert(!this.#closed && !this.borrowed, "regions are reserved by the owner of an open arena");
    const length = Math.max(64, Math.ceil(bytes / 64) * 64);
    let start = FIRST_ADDRESS;
    let place = 0;
    for (; place < this.#regions.length; place++) {
      if (this.#regions[place].start - start >= length) break;
      start = this.#regions[place].end;
    }
    const end = start + length;
    if (end > MAX_PAGES * PAGE_BYTES) {
      throw new VicinalError(
        "OUT_OF_MEMORY",
        `One segment's vectors and index need more than 4 GiB (${bytes} bytes asked, ${start} in use)`,
        { bytes, inUse: start },
      );
    }
    this.#regions.splice(place, 0, { start, end });
    return start;
  }

  /** Makes all bytes below `end` usable. */
  commit(end: number): void {
    const have = this.memory.buffer.byteLength;
    if (end <= have) return;
    try {
      this.memory.grow(Math.ceil((end - have) / PAGE_BYTES));
    } catch (cause) {
      throw new VicinalError(
        "OUT_OF_MEMORY",
        `The memory cannot grow from ${have} to ${end} bytes`,
        { have, need: end },
        { cause },
      );
    }
    this.view();
  }

  /** `reserve` and `commit`. The bytes are whatever was there. */
  allocate(bytes: number): number {
    const start = this.reserve(bytes);
    try {
      this.commit(start + bytes);
    } catch (error) {
      this.release(start);
      throw error;
    }
    return start;
  }

  /** Gives a region back; in vain once the arena is closed, when all are. */
  release(start: number): void {
    if (this.#closed) return;
    const place = this.#regions.findIndex((region) => region.start === start);
    assert(place >= 0, "a released region was reserved");
    this.#regions.splice(place, 1);
  }

  /** Bytes reserved by all regions. */
  get reservedBytes(): number {
    return this.#regions.reduce((sum, region) => sum + region.end - region.start, 0);
  }

  /** Returns the memory to the pool; no view of it may be used afterwards. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#regions.length = 0;
    if (!this.borrowed) give(this.memory, this.shared);
    const nothing = new ArrayBuffer(0);
    this.u8 = new Uint8Array(nothing);
    this.u32 = new Uint32Array(nothing);
    this.i32 = new Int32Array(nothing);
    this.f32 = new Float32Array(nothing);
  }
}
