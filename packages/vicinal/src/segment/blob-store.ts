/**
 * BlobStore: the bytes of a collection's blobs, one file each, by what they hold: `blobs/<first 2 digits>/<SHA-256>`. Equal
 * blobs are one file. A file is whole and durable before a write that names it is logged, and goes once no state that a crash
 * could bring back names it:
 *
 *   mark    before a checkpoint: what no live row names, and no write that is under way
 *   sweep   after its manifest is committed and the log is synced up to the mark: what nobody has named since
 *
 * A stop in between leaves files that nobody names, which the first checkpoint after the next opening takes.
 */
import { hasBit } from "../runtime/bits.js";
import { yieldToOthers } from "../runtime/cancel.js";
import { corruption, VicinalError } from "../runtime/errors.js";
import { Sha256 } from "../runtime/sha256.js";
import { copyFile } from "../storage/copy-file.js";
import type { Directory, FileWriter } from "../storage/directory.js";
import type { BlobRef } from "./blob-refs.js";
import { decodeRefs } from "./blob-refs.js";
import type { CollectionState } from "./state.js";

export interface BlobLimits {
  /** Bytes of one blob at most. Default 64 MiB. */
  maxBytes?: number;
  /** Blobs of one point at most. Default 16. */
  perPoint?: number;
}

export const BLOB_BYTES = 64 * 2 ** 20;
export const BLOBS_PER_POINT = 16;

export type BlobBytes = Uint8Array | AsyncIterable<Uint8Array>;

/** A stored blob that stays, named or not, until it is released. */
export interface HeldBlob {
  size: number;
  sha256: string;
  release(): void;
}

/** Bytes from `start`, so many. */
export interface ByteRange {
  start: number;
  length: number;
}

/** What is gathered in memory before it goes to a file, and what is read at a time. */
const GATHERED_BYTES = 4 * 2 ** 20;
const PIECE_BYTES = 2 ** 20;
/** Rows looked at before other work gets its turn. */
const SLICE_ROWS = 2048;

export class BlobStore {
  readonly maxBytes: number;
  readonly perPoint: number;
  readonly #dir: Directory;
  readonly #held = new Map<string, number>();
  /** Named since the mark that is under way, if one is. */
  #named: Set<string> | undefined;
  /** By file: making and deleting it happen one after the other. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** An opening begins with what a stop may have left. */
  #mayHaveGarbage = true;
  /** Files that bytes come in by, and how many there were. */
  readonly #incoming = new Set<string>();
  #incomingCount = 0;
  #refusal: VicinalError | undefined;

  /** @param dir Of the blobs alone. */
  constructor(dir: Directory, { maxBytes = BLOB_BYTES, perPoint = BLOBS_PER_POINT }: BlobLimits = {}) {
    this.#dir = dir;
    this.maxBytes = maxBytes;
    this.perPoint = perPoint;
  }

  /**
   * Stores the bytes, durably once it resolves. BODY_TOO_LARGE beyond `maxBytes`.
   * @param at What the bytes are of, for messages.
   */
  async put(bytes: BlobBytes, at: string): Promise<HeldBlob> {
    if (this.#refusal) throw this.#refusal;
    const hash = new Sha256();
    const gathered: Uint8Array[] = [];
    let size = 0;
    let spool: { path: string; writer: FileWriter } | undefined;
    let held: HeldBlob | undefined;
    try {
      for await (const piece of bytes instanceof Uint8Array ? [bytes] : bytes) {
        size += piece.length;
        if (size > this.maxBytes) throw tooLarge(at, this.maxBytes);
        hash.update(piece);
        if (!spool && size > GATHERED_BYTES && !(bytes instanceof Uint8Array)) {
          const path = `incoming/${++this.#incomingCount}-${Date.now()}`;
          this.#incoming.add(path);
          spool = { path, writer: await this.#dir.create(path) };
          for (const earlier of gathered.splice(0)) await spool.writer.append(earlier);
        }
        if (spool) await spool.writer.append(piece);
        else gathered.push(piece);
      }
      await spool?.writer.close();
      const sha256 = hash.hex();
      held = { size, sha256, release: this.#hold(sha256) };
      await this.#inTurn(sha256, () => this.#store(sha256, size, spool?.path ?? gathered));
      return held;
    } catch (reason) {
      held?.release();
      throw reason;
    } finally {
      await spool?.writer.close();
      if (spool) {
        this.#incoming.delete(spool.path);
        await this.#dir.delete(spool.path).catch(() => {
          this.#mayHaveGarbage = true;
        });
      }
    }
  }

  /** @param from A file, or the bytes. */
  async #store(sha256: string, size: number, from: string | readonly Uint8Array[]): Promise<void> {
    const path = pathOf(sha256);
    if ((await this.#dir.size(path)) !== undefined) {
      if (await this.#keep(sha256, size)) return;
      await this.#dir.delete(path);
    }
    if (typeof from === "string") return copyFile(this.#dir, from, path);
    const writer = await this.#dir.create(path);
    try {
      for (const bytes of from) await writer.append(bytes);
      await writer.sync();
    } finally {
      await writer.close();
    }
  }

  /** Makes sure of a file that is there: a stop may have left a part of it, or never have synced it. False where it is not whole. */
  async #keep(sha256: string, size: number): Promise<boolean> {
    const path = pathOf(sha256);
    if ((await this.#dir.size(path)) !== size) return false;
    const hash = new Sha256();
    for await (const piece of readPieces(this.#dir, path, { start: 0, length: size })) hash.update(piece);
    if (hash.hex() !== sha256) return false;
    const writer = await this.#dir.reopen(path, size, true);
    try {
      await writer.sync();
    } finally {
      await writer.close();
    }
    return true;
  }

  /** The bytes, all of them checked against their digest; CORRUPTION and FILE_NOT_FOUND name the file. */
  async *read(
    { sha256, size }: BlobRef,
    range: ByteRange = { start: 0, length: size },
  ): AsyncGenerator<Uint8Array> {
    const release = this.#hold(sha256);
    const path = pathOf(sha256);
    try {
      const hash = range.length === size ? new Sha256() : undefined;
      for await (const piece of readPieces(this.#dir, path, range)) {
        hash?.update(piece);
        yield piece;
      }
      const found = hash?.hex() ?? sha256;
      if (found !== sha256) throw corruption(`${this.#dir.location}/${path}`, 0, sha256, found, "SHA-256");
    } finally {
      release();
    }
  }

  /** What rows of the state, and writes that are under way, name: files and their sizes. */
  async named(state: CollectionState): Promise<Map<string, number>> {
    const named = new Map<string, number>();
    await eachLive(state, ({ sha256, size }) => void named.set(sha256, size));
    for (const sha256 of this.#held.keys()) {
      const size = await this.#dir.size(pathOf(sha256));
      if (size !== undefined) named.set(sha256, size);
    }
    return named;
  }

  /** From now on nothing is stored: `reason` is what callers are told. */
  refuse(reason: VicinalError): void {
    this.#refusal = reason;
  }

  /** Something was stored that a write did not come to name. */
  expectGarbage(): void {
    this.#mayHaveGarbage = true;
  }

  /** Takes note that points have let go of blobs, for the next mark. */
  look(state: CollectionState): void {
    if (state.deadBlobBytes > 0) this.#mayHaveGarbage = true;
    state.deadBlobBytes = 0;
  }

  /** Files that nobody names now. To be called before a checkpoint. */
  async mark(state: CollectionState): Promise<string[]> {
    if (!this.#mayHaveGarbage) return [];
    // Before the listing: what is made after it is not in it, what is named after it is known to be.
    this.#named = new Set(this.#held.keys());
    const paths = (await this.#dir.list()).filter((path) => !this.#incoming.has(path));
    const live = new Set<string>();
    if (paths.length > 0) await eachLive(state, ({ sha256 }) => void live.add(pathOf(sha256)));
    return paths.filter((path) => !live.has(path));
  }

  /** Deletes those of the marked files that are still named by nobody. */
  async sweep(marked: readonly string[]): Promise<void> {
    this.#mayHaveGarbage = false;
    for (const path of marked) {
      const sha256 = path.slice(path.lastIndexOf("/") + 1);
      await this.#inTurn(sha256, async () => {
        if (this.#held.has(sha256) || this.#named?.has(sha256)) return;
        await this.#dir.delete(path).catch(() => {
          this.#mayHaveGarbage = true;
        });
      });
    }
    this.#named = undefined;
  }

  /** Without a manifest to wait for: of a collection in memory. */
  async collect(state: CollectionState): Promise<void> {
    this.look(state);
    await this.sweep(await this.mark(state));
  }

  #hold(sha256: string): () => void {
    this.#named?.add(sha256);
    this.#held.set(sha256, (this.#held.get(sha256) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const left = (this.#held.get(sha256) as number) - 1;
      if (left > 0) this.#held.set(sha256, left);
      else this.#held.delete(sha256);
    };
  }

  #inTurn<T>(sha256: string, work: () => Promise<T>): Promise<T> {
    const done = (this.#turns.get(sha256) ?? Promise.resolve()).then(work);
    const settled = done.then(
      () => {},
      () => {},
    );
    this.#turns.set(sha256, settled);
    void settled.then(() => {
      if (this.#turns.get(sha256) === settled) this.#turns.delete(sha256);
    });
    return done;
  }
}

/** Within the folder of the blobs. */
export function pathOf(sha256: string): string {
  return `${sha256.slice(0, 2)}/${sha256}`;
}

export function tooLarge(at: string, maxBytes: number): VicinalError {
  const message = `${at}: a blob is of at most ${maxBytes} bytes`;
  return new VicinalError("BODY_TOO_LARGE", message, { path: at, allowed: maxBytes });
}

async function* readPieces(
  dir: Directory,
  path: string,
  { start, length }: ByteRange,
): AsyncGenerator<Uint8Array> {
  // Of an empty blob, too, it shows whether the file is there.
  if (length === 0 && (await dir.size(path)) === undefined) await dir.read(path, 0, 0);
  for (let at = start; at < start + length; at += PIECE_BYTES)
    yield await dir.read(path, at, Math.min(PIECE_BYTES, start + length - at));
}

/** What the rows that live at the call name. A merge may move them meanwhile: their segments are read as they were. */
async function eachLive(state: CollectionState, take: (ref: BlobRef) => void): Promise<void> {
  const segments = state
    .segments()
    .flatMap(({ blobs, live }) => (blobs ? [{ blobs, live: live.slice() }] : []));
  for (const { blobs, live } of segments)
    for (let row = 0; row < live.length * 32; row++) {
      if (row % SLICE_ROWS === SLICE_ROWS - 1) await yieldToOthers();
      const refs = hasBit(live, row) ? blobs.of(row) : undefined;
      if (refs) for (const ref of Object.values(decodeRefs(refs))) take(ref);
    }
}
