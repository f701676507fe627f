/** PayloadFile: the payloads of a sealed segment where they lie in its file, read at once, a piece at a time, through a bounded cache. */
import type { ReadCache } from "../runtime/read-cache.js";
import type { SectionSource } from "./sections.js";

/** A piece holds some tens of payloads, and costs a few microseconds to read once its block was checked. */
const PIECE_BYTES = 8192;

/** A source that answers at once; see storage's Directory.readNow. */
export type InstantSource = SectionSource & Required<Pick<SectionSource, "readNow">>;

export function answersAtOnce(source: SectionSource): source is InstantSource {
  return source.readNow !== undefined;
}

export class PayloadFile {
  readonly #source: InstantSource;
  readonly #cache: ReadCache;
  readonly #owner: number;
  readonly length: number;

  constructor(source: InstantSource, cache: ReadCache) {
    this.#source = source;
    this.#cache = cache;
    this.#owner = cache.newOwner();
    this.length = source.length("payload.heap");
  }

  /** Bytes that never change. CORRUPTION names the file. */
  view(offset: number, length: number): Uint8Array {
    const piece = Math.floor(offset / PIECE_BYTES);
    const from = offset - piece * PIECE_BYTES;
    if (from + length <= PIECE_BYTES) return this.#piece(piece).subarray(from, from + length);
    const bytes = new Uint8Array(length);
    this.#source.readNow("payload.heap", offset, bytes);
    return bytes;
  }

  #piece(piece: number): Uint8Array {
    const kept = this.#cache.get(this.#owner, piece);
    if (kept) return kept;
    const start = piece * PIECE_BYTES;
    const bytes = new Uint8Array(Math.min(PIECE_BYTES, this.length - start));
    this.#source.readNow("payload.heap", start, bytes);
    this.#cache.put(this.#owner, piece, bytes);
    return bytes;
  }

  /** All of it, past the cache. */
  read(): Promise<Uint8Array> {
    return this.#source.read("payload.heap", 0, this.length);
  }

  /** Nothing of it is asked for any more. */
  close(): void {
    this.#cache.drop(this.#owner);
  }
}
