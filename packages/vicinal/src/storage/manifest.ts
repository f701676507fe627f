/**
 * Manifests: the numbered roots of a collection's state. The highest one counts, so a commit is the creation of
 * one file; two writers cannot both create number n, so the second is fenced. So is one that finds a higher number once its own
 * is durable: the other has used this number and deleted it, or has passed over a file that was not whole yet (see takeOver).
 *
 * `manifest-<number, 12 digits>`, version 1, integers little-endian:
 *
 *     offset size
 *          0    8  magic "VICINMAN"
 *          8    4  format version, 1
 *         12    4  length of the body in bytes
 *         16    8  number
 *         24    4  CRC-32C of bytes 0..24 and the body
 *         28       body: one JSON object, UTF-8
 *                  then, appended after everything above was synced: the mark "SYNCED\n" and a zero byte
 *
 * The mark tells a manifest that was torn while being written from one that was damaged later. A damaged one
 * without the mark was never acknowledged: the one before counts. With the mark it is CORRUPTION: going back
 * silently would lose what was acknowledged since. (The mark itself is not synced, so after a power cut soon
 * after a commit it may be absent; then only the log's check for missing records notices such damage.)
 */
import { corruption, VicinalError } from "../runtime/errors.js";
import { crc32c } from "./crc32c.js";
import type { Directory, FileWriter } from "./directory.js";

const MAGIC = "VICINMAN";
const VERSION = 1;
const HEADER_SIZE = 28;
const CHECKED_SIZE = 24;
const MARK = new TextEncoder().encode("SYNCED\n\0");
/** The newest, and one before it for repair. */
const KEPT_COUNT = 2;
const TAKEOVER_ATTEMPTS = 20;

export interface Manifest {
  readonly number: number;
  readonly value: unknown;
  /** Path of a newer one that was passed over: it looks like one whose commit was interrupted. */
  readonly torn?: string;
}

/** A manifest's file as it lies there, whatever its state. */
export interface ManifestFile {
  readonly path: string;
  readonly number: number;
  readonly size: number;
  /** Absent where the file is not whole. */
  readonly value?: unknown;
  /** Why it is not whole; absent where it is. */
  readonly problem?: VicinalError;
  /** Whether it ends in the mark: then it was acknowledged. */
  readonly marked: boolean;
}

/** All manifests of a folder, newest first. Nothing is written. UNSUPPORTED for one of a later version. */
export async function readManifests(dir: Directory): Promise<ManifestFile[]> {
  const files: ManifestFile[] = [];
  for (const number of (await listNumbers(dir)).reverse()) {
    const path = manifestPath(number);
    const size = await dir.size(path);
    const bytes = size === undefined ? undefined : await dir.read(path, 0, size).catch(unlessAbsent);
    // Another writer's commit has deleted it since.
    if (size === undefined || bytes === undefined) continue;
    const found = findProblem(bytes, number);
    const marked = isMarked(bytes);
    if (found === undefined) files.push({ path, number, size, marked, value: parseBody(bytes) });
    else files.push({ path, number, size, marked, problem: problemOf(dir, path, found) });
  }
  return files;
}

function unlessAbsent(reason: unknown): undefined {
  if (reason instanceof VicinalError && reason.code === "FILE_NOT_FOUND") return undefined;
  throw reason;
}

export class Manifests {
  /** Numbers of the files there are, ascending; undefined before they were listed. */
  private numbers: number[] | undefined;
  /** Set once another writer has committed: nothing is committed any more until `latest` is called. */
  private overtaken: VicinalError | undefined;
  /** The last of them that are known to be whole. */
  private whole: number[] = [];

  constructor(private readonly dir: Directory) {}

  /**
   * The manifest that counts, or undefined when there was no commit yet. CORRUPTION names a damaged one. For the
   * folder's one writer: a manifest whose commit was interrupted before its sync is synced now, since what
   * follows will build on it.
   */
  async latest(): Promise<Manifest | undefined> {
    return this.find((path, length) => this.confirm(path, length));
  }

  /** The same for a reader: nothing is written. FILE_NOT_FOUND where the writer deleted it meanwhile; try again then. */
  async peek(): Promise<Manifest | undefined> {
    return this.find(async () => {});
  }

  private async find(
    confirm: (path: string, length: number) => Promise<void>,
  ): Promise<Manifest | undefined> {
    this.numbers = await listNumbers(this.dir);
    this.overtaken = undefined;
    let torn: string | undefined;
    for (const number of this.numbers.toReversed()) {
      const path = manifestPath(number);
      const bytes = await this.dir.read(path, 0, (await this.dir.size(path)) ?? 0);
      const problem = findProblem(bytes, number);
      if (problem === undefined) {
        this.whole = [number];
        if (!isMarked(bytes)) await confirm(path, bodyEnd(bytes));
        return { number, value: parseBody(bytes), torn };
      }
      if (isMarked(bytes)) throw problemOf(this.dir, path, problem);
      torn ??= path;
    }
    return undefined;
  }

  /**
   * Commits what `make` makes of the manifest that counts, and resolves with that one: after it, no writer that was there before
   * can commit any more, and what it had committed is what `make` was last called with.
   */
  async takeOver(
    make: (latest: Manifest | undefined) => object | Promise<object>,
  ): Promise<Manifest | undefined> {
    for (let attempt = 1; ; attempt++) {
      const latest = await this.latest();
      try {
        const number = await this.commit(await make(latest));
        if (!(await this.isWholeBetween(latest?.number ?? 0, number))) return latest;
      } catch (reason) {
        // The other one has committed meanwhile.
        const fenced = reason instanceof VicinalError && reason.code === "FENCED";
        if (!fenced || attempt === TAKEOVER_ATTEMPTS) throw reason;
      }
    }
  }

  /** Whether one that was passed over, as torn, has become whole: its writer was still at it, and takes it for committed. */
  private async isWholeBetween(above: number, below: number): Promise<boolean> {
    for (const number of await listNumbers(this.dir)) {
      if (number <= above || number >= below) continue;
      const path = manifestPath(number);
      const size = await this.dir.size(path);
      if (size === undefined) continue;
      if (findProblem(await this.dir.read(path, 0, size), number) === undefined) return true;
    }
    return false;
  }

  /**
   * Makes `value`, a JSON object, the state that counts, and resolves to its number when that is durable. Deletes
   * all manifests but the last two. FENCED when another writer has committed since `latest` or the last `commit`. After
   * another failure nobody knows whether `value` counts; a later commit that succeeds settles it.
   * Numbers in `value` must be finite, integers below 2^53.
   */
  async commit(value: object): Promise<number> {
    if (this.overtaken) throw this.overtaken;
    this.numbers ??= await listNumbers(this.dir);
    const number = (this.numbers.at(-1) ?? 0) + 1;
    const bytes = encodeManifest(number, value);
    const writer = await this.create(number);
    // Whatever comes of it, the file is there: the next commit takes another number.
    this.numbers.push(number);
    try {
      await writer.append(bytes);
      await writer.sync();
      const highest = (await listNumbers(this.dir)).at(-1) ?? number;
      if (highest > number) throw this.fenced(highest);
      // From here on it is committed, with its mark or without.
      await writer.append(MARK).catch(() => {});
    } catch (reason) {
      // Of a directory that fences by itself.
      if (reason instanceof VicinalError && reason.code === "FENCED") this.overtaken = reason;
      throw reason;
    } finally {
      await writer.close().catch(() => {});
    }
    this.whole = [...this.whole, number].slice(-KEPT_COUNT);
    this.numbers = await this.deleteOld(this.numbers);
    return number;
  }

  private async confirm(path: string, length: number): Promise<void> {
    const writer = await this.dir.reopen(path, length, true);
    try {
      await writer.sync();
      await writer.append(MARK);
    } finally {
      await writer.close();
    }
  }

  private async create(number: number): Promise<FileWriter> {
    try {
      return await this.dir.create(manifestPath(number));
    } catch (error) {
      if (!(error instanceof VicinalError) || error.code !== "FILE_EXISTS") throw error;
      throw this.fenced(number, error);
    }
  }

  private fenced(number: number, cause?: unknown): VicinalError {
    const { location } = this.dir;
    const message = `Another writer has taken over ${location}: manifest ${number} exists already`;
    this.overtaken = new VicinalError("FENCED", message, { location, number }, { cause });
    return this.overtaken;
  }

  /** Returns what is left. A failure to delete undoes no commit; the next one tries again. */
  private async deleteOld(numbers: number[]): Promise<number[]> {
    const left: number[] = [];
    for (const number of numbers) {
      try {
        if (this.whole.includes(number)) left.push(number);
        else await this.dir.delete(manifestPath(number));
      } catch {
        left.push(number);
      }
    }
    return left;
  }
}

/** Ascending. */
async function listNumbers(dir: Directory): Promise<number[]> {
  const numbers: number[] = [];
  for (const path of await dir.list()) {
    const match = /^manifest-(\d{12,16})$/.exec(path);
    if (match !== null) numbers.push(Number(match[1]));
  }
  return numbers.sort((a, b) => a - b);
}

function problemOf(dir: Directory, path: string, problem: Problem): VicinalError {
  const { offset, expected, actual, what } = problem;
  return corruption(`${dir.location}/${path}`, offset, expected, actual, what);
}

function manifestPath(number: number): string {
  return `manifest-${String(number).padStart(12, "0")}`;
}

function encodeManifest(number: number, value: object): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(value, refuseInexact));
  const bytes = new Uint8Array(HEADER_SIZE + body.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint32(8, VERSION, true);
  view.setUint32(12, body.length, true);
  view.setBigUint64(16, BigInt(number), true);
  bytes.set(body, HEADER_SIZE);
  view.setUint32(24, checksum(bytes), true);
  return bytes;
}

function refuseInexact(key: string, value: unknown): unknown {
  if (typeof value === "number" && (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER)) {
    throw new VicinalError("INTERNAL", `A manifest cannot hold the number ${value} of ${key} exactly`, {
      key,
      value,
    });
  }
  return value;
}

/** Of bytes without the mark. */
function checksum(bytes: Uint8Array): number {
  return crc32c(bytes.subarray(HEADER_SIZE), crc32c(bytes.subarray(0, CHECKED_SIZE)));
}

interface Problem {
  offset: number;
  expected: number;
  actual: number;
  what: string;
}

function findProblem(bytes: Uint8Array, number: number): Problem | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_SIZE)
    return { offset: 0, expected: HEADER_SIZE, actual: bytes.length, what: "bytes of a header" };
  const end = bodyEnd(bytes);
  if (bytes.length < end)
    return { offset: 12, expected: end, actual: bytes.length, what: "length of the file" };
  const actual = checksum(bytes.subarray(0, end));
  const expected = view.getUint32(24, true);
  if (actual !== expected) return { offset: 0, expected, actual, what: "checksum" };
  const version = view.getUint32(8, true);
  if (version !== VERSION) {
    throw new VicinalError(
      "UNSUPPORTED",
      `Manifest ${number} has format ${version}; this version of Vicinal reads ${VERSION}`,
    );
  }
  const stored = Number(view.getBigUint64(16, true));
  return stored === number ? undefined : { offset: 16, expected: number, actual: stored, what: "number" };
}

function bodyEnd(bytes: Uint8Array): number {
  return HEADER_SIZE + new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(12, true);
}

function isMarked(bytes: Uint8Array): boolean {
  const tail = bytes.subarray(-MARK.length);
  return tail.length === MARK.length && tail.every((byte, i) => byte === MARK[i]);
}

/** Only for bytes without a problem. */
function parseBody(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes.subarray(HEADER_SIZE, bodyEnd(bytes))));
}
