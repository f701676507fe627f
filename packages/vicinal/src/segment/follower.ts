/**
 * Follower: a collection as a reader sees it that takes no lock and writes nothing, while another process may write. It loads
 * what the newest manifest names and replays the log behind it; from then on it applies what the log gains, and begins anew with
 * a newer manifest, taking over the vectors and indexes whose files are the same.
 *
 * The writer deletes files that no manifest names any more. Where one is gone, there is a newer manifest.
 */
import { corruption, VicinalError } from "../runtime/errors.js";
import { loadKernels } from "../runtime/kernels.js";
import type { Directory } from "../storage/directory.js";
import { LogReader } from "../storage/log-reader.js";
import { type Manifest, Manifests } from "../storage/manifest.js";
import { Collection, type CollectionManifest, type CollectionOptions, readManifest } from "./collection.js";
import { decodeRecord } from "./effects.js";
import { loadSegment, type SegmentEntry } from "./files.js";
import { OperationWindow } from "./operation-window.js";
import type { Segment } from "./segment.js";
import { CollectionState } from "./state.js";

/** Each attempt ends with a file that has gone since its manifest was read. */
const ATTEMPTS = 20;

/** What hands out a log's records from one on, each call those that were added since the call before. */
export type FollowedLog = Pick<LogReader, "read">;

interface Followed {
  number: number;
  manifest: CollectionManifest;
  collection: Collection;
  log: FollowedLog;
}

export interface FollowerOptions {
  now?: () => number;
  /** Opens the log above a sequence number. Default: files in the collection's folder. */
  readLog?: (after: number) => FollowedLog;
}

export class CollectionFollower {
  readonly #dir: Directory;
  readonly #manifests: Manifests;
  readonly #options: FollowerOptions;
  #followed: Followed | undefined;

  private constructor(dir: Directory, options: FollowerOptions) {
    this.#dir = dir;
    this.#manifests = new Manifests(dir);
    this.#options = options;
  }

  static async open(dir: Directory, options: FollowerOptions = {}): Promise<CollectionFollower> {
    const follower = new CollectionFollower(dir, options);
    await follower.refresh(true);
    return follower;
  }

  /** As of the last refresh that got through. */
  get collection(): Collection {
    return (this.#followed as Followed).collection;
  }

  /**
   * Catches up with the writer. Resolves with the collection that this one has taken the place of, if any: to be closed once
   * nobody reads it.
   * @param anew Whether the log may say something else than it did: another writer has opened the folder.
   */
  async refresh(anew: boolean): Promise<Collection | undefined> {
    let tried: number | undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        const newest = await this.#manifests.peek();
        if (!anew && newest?.number === this.#followed?.number) {
          // What has gone from the log is in a newer manifest.
          anew = true;
          await this.#readLog(this.#followed as Followed);
          return undefined;
        }
        // What a manifest names has gone, and no newer one came: it was not the writer.
        if (tried !== undefined && tried === newest?.number) attempt = ATTEMPTS;
        tried = newest?.number;
        return await this.#begin(newest);
      } catch (reason) {
        const gone = reason instanceof VicinalError && reason.code === "FILE_NOT_FOUND";
        if (!gone || attempt >= ATTEMPTS) throw reason;
      }
    }
  }

  /**
   * The collection for writing, with what it has in memory; it is not to be refreshed any more then, and what it reads of files it goes
   * on reading where it did. Undefined where other files count by now, or payloads had better stay in them: then it is to be opened.
   */
  async promote(dir: Directory, options: CollectionOptions): Promise<Collection | undefined> {
    const { collection, manifest } = this.#followed as Followed;
    const { state } = collection;
    if (state.config.other.on_disk_payload === true || options.resources?.budget) return undefined;
    return Collection.promote(state, manifest, dir, options);
  }

  async #readLog({ collection: { state }, log }: Pick<Followed, "collection" | "log">): Promise<void> {
    await log.read(({ sequence, bytes }) =>
      state.apply(decodeRecord(bytes, `${this.#dir.location}/log`).effects, sequence, true),
    );
    state.completeFields();
  }

  async #begin(newest: Manifest | undefined): Promise<Collection | undefined> {
    const dir = this.#dir;
    const manifest = readManifest(dir, newest);
    if (!manifest || !newest)
      throw new VicinalError("CORRUPTION", `Corrupted collection ${dir.location}: it has no valid manifest`);
    const before = this.#followed;
    const state = new CollectionState(manifest.config, manifest.nextSegmentId, await loadKernels());
    try {
      const borrowing: (() => void)[] = [];
      for (const entry of manifest.segments) {
        const owner = before && sameSegment(before, entry);
        const lent = new Set(owner ? sameVectors(owner, entry) : []);
        const segment = await loadSegment(dir, state, entry, { lent });
        state.adopt(segment);
        if (owner) for (const name of lent) borrowing.push(() => segment.borrow(name, owner));
      }
      state.sequence = manifest.checkpoint;
      state.operations = new OperationWindow(manifest.operations);
      const collection = await Collection.reading(state, dir, this.#options.now);
      const { readLog = (after) => new LogReader(dir.folder("log"), after) } = this.#options;
      const log = readLog(manifest.checkpoint);
      await this.#readLog({ collection, log });
      if (state.sequence < manifest.synced)
        throw corruption(
          `${dir.location}/log`,
          0,
          `record ${state.sequence + 1}`,
          "none",
          "records are missing from the log",
        );
      for (const borrow of borrowing) borrow();
      this.#followed = { number: newest.number, manifest, collection, log };
      return before?.collection;
    } catch (reason) {
      state.close();
      throw reason;
    }
  }
}

/** The segment of that number as it is followed now. */
function sameSegment({ collection }: Followed, { id }: SegmentEntry): Segment | undefined {
  return collection.state.segments().find((segment) => segment.id === id && segment.files);
}

/** Names of its vectors whose files are those of the entry. */
function sameVectors({ files, vectors }: Segment, entry: SegmentEntry): string[] {
  const mine = new Set(files?.vectors.map((vector) => JSON.stringify(vector)));
  return entry.files.vectors
    .filter((vector) => mine.has(JSON.stringify(vector)) && vectors.has(vector.name))
    .map(({ name }) => name);
}
