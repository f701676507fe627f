/**
 * ObjectCache: objects of a store that lie in a local directory as well, shared by all shards of a node. An object is downloaded
 * as a whole when it is first read, and checked; since a key never names other bytes, a copy is never out of date. What an earlier
 * run left there is checked before it is first used. Beyond its bound, the copies that were read longest ago go.
 *
 * Where the disk has no room left, all copies go that nobody is reading. If that is not enough, objects are read from the store, range
 * by range, and what has no other home yet is kept in memory until it has: slower, and nothing is lost.
 */
import {
  corruption,
  crc32c,
  type Directory,
  endsEarly,
  type FileWriter,
  MemoryDirectory,
  VicinalError,
} from "vicinal/shard";
import type { ObjectStore } from "./object-store.js";

/** An object as somebody knows it who will read it. */
export interface ObjectRef {
  readonly key: string;
  readonly size: number;
  /** CRC-32C of its bytes. */
  readonly crc: number;
}

interface Copy {
  /** Where it lies. */
  home: Directory;
  size: number;
  /** Its bytes are known to be the object's. */
  checked: boolean;
  /** Nothing else holds these bytes. */
  own: boolean;
  /** Who are reading it. It stays while there are any, or while it is `own`. */
  pins: number;
}

const PIECE = 8 * 2 ** 20;
/** Of a download: enough to keep a connection busy while what came is checked and written. */
const PIECES_AHEAD = 4;
/** A transfer that was damaged on its way is made once more. */
const DOWNLOADS = 2;
/** So long after the disk was found full nothing is brought to it. */
const FULL_MS = 5000;
/** No object has that key. */
const PROBE = "probe";

export class ObjectCache {
  readonly store: ObjectStore;
  readonly #directory: Directory;
  readonly #bytesMax: number;
  /** By key, in order of use. */
  readonly #copies = new Map<string, Copy>();
  readonly #arriving = new Map<string, Promise<void>>();
  readonly #leaving = new Map<string, Promise<void>>();
  #bytes = 0;
  /** Of copies that the disk had no room for. */
  readonly #memory = MemoryDirectory.empty();
  #full: { reason: VicinalError; untilMs: number } | undefined;

  private constructor(store: ObjectStore, directory: Directory, bytesMax: number) {
    this.store = store;
    this.#directory = directory;
    this.#bytesMax = bytesMax;
  }

  /**
   * @param directory For this cache alone; what it holds may be thrown away whenever no cache is open on it.
   * @param bytesMax Bound of what is kept; what is being read or has no other home yet may exceed it.
   */
  static async open(store: ObjectStore, directory: Directory, bytesMax: number): Promise<ObjectCache> {
    const cache = new ObjectCache(store, directory, bytesMax);
    for (const key of await directory.list())
      cache.#add(key, {
        home: directory,
        size: (await directory.size(key)) ?? 0,
        checked: false,
        own: false,
        pins: 0,
      });
    await cache.#makeRoom(0);
    return cache;
  }

  has(key: string): boolean {
    return this.#copies.has(key);
  }

  /** What the copies take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** DISK_FULL where nothing can be written; tries it where that was so a while ago. */
  async whyFull(): Promise<VicinalError | undefined> {
    if (this.#full && performance.now() >= this.#full.untilMs)
      await this.#writing(() => this.#probe()).catch(() => {});
    return this.#full?.reason;
  }

  async #probe(): Promise<void> {
    await this.#directory.delete(PROBE);
    const writer = await this.#directory.create(PROBE);
    try {
      await writer.append(new Uint8Array(4096));
    } finally {
      await writer.close();
      await this.#directory.delete(PROBE);
    }
  }

  /** FILE_NOT_FOUND where the store has no such object; CORRUPTION where it is another than `ref` says. Both name its key. */
  async readInto(ref: ObjectRef, offset: number, target: Uint8Array): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const copy = await this.#pinned(ref).catch((reason) => {
        if (codeOf(reason) !== "DISK_FULL") throw reason;
      });
      if (!copy) return target.set(await this.#range(ref, offset, target.length));
      try {
        return await copy.home.readInto(ref.key, offset, target);
      } catch (reason) {
        // Somebody has emptied the directory.
        if (attempt > 1 || codeOf(reason) !== "FILE_NOT_FOUND" || copy.own) throw reason;
        if (this.#copies.get(ref.key) === copy) this.#forget(ref.key);
      } finally {
        copy.pins--;
      }
    }
  }

  /** A copy that comes before its object. It stays until `release` or `drop`. */
  async create(key: string): Promise<FileWriter> {
    const copy: Copy = { home: this.#directory, size: 0, checked: true, own: true, pins: 0 };
    this.#add(key, copy);
    let writer: FileWriter;
    try {
      writer = await this.#writing(() => this.#directory.create(key)).catch((reason) => {
        if (codeOf(reason) !== "DISK_FULL") throw reason;
        return this.#toMemory(key, copy);
      });
    } catch (reason) {
      this.#forget(key);
      throw reason;
    }
    return {
      get length() {
        return writer.length;
      },
      append: async (bytes) => {
        await this.#makeRoom(bytes.length);
        const append = () => writer.append(bytes);
        if (copy.home === this.#memory) await append();
        else
          await this.#writing(append).catch(async (reason) => {
            if (codeOf(reason) !== "DISK_FULL") throw reason;
            writer = await this.#toMemory(key, copy, writer);
            await append();
          });
        this.#grow(key, copy, bytes.length);
      },
      // Nothing here has to survive.
      sync: async () => {},
      close: () => writer.close(),
    };
  }

  /** The object is in the store by now, or nobody needs it. */
  release(key: string): void {
    const copy = this.#copies.get(key);
    if (!copy) return;
    copy.own = false;
    if (copy.home === this.#memory) void this.drop(key);
  }

  async drop(key: string): Promise<void> {
    const { home = this.#directory } = this.#copies.get(key) ?? {};
    this.#forget(key);
    const gone = home.delete(key).finally(() => this.#leaving.delete(key));
    this.#leaving.set(key, gone);
    await gone;
  }

  /** The object's copy, which is there and stays until its pin is taken away. */
  async #pinned(ref: ObjectRef): Promise<Copy> {
    for (;;) {
      const copy = this.#copies.get(ref.key);
      if (copy?.checked) {
        copy.pins++;
        // Used last.
        this.#copies.delete(ref.key);
        this.#copies.set(ref.key, copy);
        return copy;
      }
      let arriving = this.#arriving.get(ref.key);
      if (!arriving) {
        arriving = this.#bring(ref, copy).finally(() => this.#arriving.delete(ref.key));
        this.#arriving.set(ref.key, arriving);
      }
      await arriving;
    }
  }

  async #bring(ref: ObjectRef, left: Copy | undefined): Promise<void> {
    if (left) {
      left.pins++;
      const whole = await this.#isWhole(ref).finally(() => left.pins--);
      if (whole) {
        left.checked = true;
        return;
      }
      await this.drop(ref.key);
    }
    if (this.#full && performance.now() < this.#full.untilMs) throw this.#full.reason;
    for (let download = 1; ; download++) {
      try {
        return await this.#download(ref);
      } catch (reason) {
        if (download === DOWNLOADS || codeOf(reason) !== "CORRUPTION") throw reason;
      }
    }
  }

  async #isWhole(ref: ObjectRef): Promise<boolean> {
    try {
      let crc = 0;
      for (let at = 0; at < ref.size; at += PIECE)
        crc = crc32c(await this.#directory.read(ref.key, at, Math.min(PIECE, ref.size - at)), crc);
      return crc === ref.crc;
    } catch {
      return false;
    }
  }

  async #download(ref: ObjectRef): Promise<void> {
    const { key, size } = ref;
    await this.#leaving.get(key);
    // What an interrupted download left, if any.
    await this.#directory.delete(key);
    const copy: Copy = { home: this.#directory, size: 0, checked: false, own: true, pins: 0 };
    this.#add(key, copy);
    try {
      await this.#makeRoom(size);
      const writer = await this.#writing(() => this.#directory.create(key));
      let crc = 0;
      try {
        const coming: Promise<Uint8Array>[] = [];
        for (let at = 0, asked = 0; at < size; at += PIECE) {
          for (; asked < size && coming.length < PIECES_AHEAD; asked += PIECE)
            coming.push(this.#get(ref, asked));
          const bytes = (await coming.shift()) as Uint8Array;
          crc = crc32c(bytes, crc);
          await this.#writing(() => writer.append(bytes));
          this.#grow(key, copy, bytes.length);
        }
      } finally {
        await writer.close();
      }
      if (crc !== ref.crc) throw corruption(`${this.store.location}/${key}`, 0, ref.crc, crc, "checksum");
      copy.checked = true;
      copy.own = false;
    } catch (reason) {
      await this.drop(key).catch(() => {});
      throw reason;
    }
  }

  #get(ref: ObjectRef, offset: number): Promise<Uint8Array> {
    const bytes = this.#range(ref, offset, Math.min(PIECE, ref.size - offset));
    // One before it may fail first, and nobody waits for this one then.
    bytes.catch(() => {});
    return bytes;
  }

  async #range({ key }: ObjectRef, offset: number, length: number): Promise<Uint8Array> {
    const bytes = await this.store.get(key, { offset, length });
    if (bytes.length === length) return bytes;
    throw endsEarly(`${this.store.location}/${key}`, offset, length, offset + bytes.length);
  }

  /** Where the disk is full, once more after all copies have gone that can. DISK_FULL */
  async #writing<T>(write: () => Promise<T>): Promise<T> {
    const attempt = async () => {
      const result = await write();
      this.#full = undefined;
      return result;
    };
    try {
      return await attempt();
    } catch (reason) {
      if (codeOf(reason) !== "DISK_FULL") throw reason;
    }
    try {
      await this.#makeRoom(Number.POSITIVE_INFINITY);
      return await attempt();
    } catch (reason) {
      if (reason instanceof VicinalError && reason.code === "DISK_FULL")
        this.#full = { reason, untilMs: performance.now() + FULL_MS };
      throw reason;
    }
  }

  /** What was written of the copy lies in memory from now on; nobody reads it yet. */
  async #toMemory(key: string, copy: Copy, written?: FileWriter): Promise<FileWriter> {
    const writer = await this.#memory.create(key);
    if (written) {
      await writer.append(await this.#directory.read(key, 0, copy.size));
      await written.close();
      await this.#directory.delete(key);
    }
    copy.home = this.#memory;
    return writer;
  }

  async #makeRoom(bytes: number): Promise<void> {
    for (const [key, { own, pins }] of this.#copies) {
      if (this.#bytes + bytes <= this.#bytesMax) return;
      if (pins === 0 && !own) await this.drop(key);
    }
  }

  #add(key: string, copy: Copy): void {
    this.#copies.set(key, copy);
    this.#bytes += copy.size;
  }

  /** It may have been dropped meanwhile. */
  #grow(key: string, copy: Copy, bytes: number): void {
    copy.size += bytes;
    if (this.#copies.get(key) === copy) this.#bytes += bytes;
  }

  #forget(key: string): void {
    this.#bytes -= this.#copies.get(key)?.size ?? 0;
    this.#copies.delete(key);
  }
}

function codeOf(reason: unknown): string | undefined {
  return reason instanceof VicinalError ? reason.code : undefined;
}
