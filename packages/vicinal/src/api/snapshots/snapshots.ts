/** The snapshots of a database: taking, listing and deleting them, giving them out and restoring from them. */
import { VicinalError } from "../../runtime/errors.js";
import type { Capture } from "../../segment/capture.js";
import type { Collection } from "../../segment/collection.js";
import { readOnly } from "../../segment/read-only-log.js";
import type { Chunks } from "../../storage/archive.js";
import type { Directory } from "../../storage/directory.js";
import { collectionNotFound } from "../aliases.js";
import type { Collections } from "../catalogue.js";
import * as schema from "../schema/index.js";
import { describe, type SnapshotBody, type StoredSnapshot } from "./description.js";
import { archiveAt, snapshotNotFound } from "./location.js";
import { restoreArchive } from "./restore.js";
import { type Owner, SnapshotStore } from "./store.js";
import { takeSnapshot } from "./take.js";

/** A snapshot's archive: its bytes, to be read once, and what they come to. */
export interface SnapshotArchive extends AsyncIterable<Uint8Array> {
  readonly name: string;
  readonly size: number;
  /** SHA-256 of the bytes. */
  readonly checksum: string;
}

export class Snapshots {
  readonly #catalogue: Collections;
  readonly #store: SnapshotStore | undefined;
  readonly #digests = new WeakMap<object, Map<string, string>>();
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** @param directory Where they lie; by default in the database's folder. */
  constructor(
    catalogue: Collections,
    directory: Directory | undefined = catalogue.home?.folder("snapshots"),
  ) {
    this.#catalogue = catalogue;
    this.#store = catalogue.home && directory && new SnapshotStore(directory);
  }

  /** Of the collection, consistent in itself and with all that was acknowledged before the call. */
  create(name: string): Promise<schema.SnapshotDescription> {
    this.#catalogue.get(name);
    const home = this.#catalogue.resolve(name);
    return this.#take(home, () => [{ name: home, collection: this.#catalogue.get(home) }]);
  }

  /** Of all collections, each consistent in itself, and their aliases. CORRUPTION while one is damaged. */
  createFull(): Promise<schema.SnapshotDescription> {
    return this.#take(undefined, () =>
      this.#catalogue.names().map((name) => ({ name, collection: this.#catalogue.get(name) })),
    );
  }

  #take(
    owner: Owner,
    choose: () => { name: string; collection: Collection }[],
  ): Promise<schema.SnapshotDescription> {
    const store = this.#existing();
    return this.#inTurn(async () => {
      const captured: { name: string; capture: Capture; home: object }[] = [];
      try {
        for (const { name, collection } of choose()) {
          const capture = await collection.capture();
          // A reader has nothing that it could hold.
          if (!capture) throw readOnly();
          captured.push({ name, capture, home: collection });
        }
        const aliases = owner === undefined ? this.#catalogue.aliases() : undefined;
        const snapshot = await takeSnapshot(store, {
          owner,
          collections: captured,
          aliases,
          digests: this.#digests,
          mayGoOn: () => this.#mustBeOpen(),
        });
        return describe(snapshot);
      } finally {
        for (const { capture } of captured) await capture.release();
      }
    });
  }

  /** The oldest first. COLLECTION_NOT_FOUND where there is neither the collection nor a snapshot of it. */
  async list(name: string): Promise<schema.SnapshotDescription[]> {
    const home = this.#catalogue.resolve(name);
    const found = (await this.#store?.list(home)) ?? [];
    if (found.length === 0 && !this.#catalogue.has(home)) throw collectionNotFound(name);
    return found.map(describe);
  }

  async listFull(): Promise<schema.SnapshotDescription[]> {
    return ((await this.#store?.list(undefined)) ?? []).map(describe);
  }

  /** SNAPSHOT_NOT_FOUND */
  delete(name: string, snapshot: string): Promise<boolean> {
    return this.#delete(this.#ownerOf(name), snapshot);
  }

  deleteFull(snapshot: string): Promise<boolean> {
    return this.#delete(undefined, snapshot);
  }

  #delete(owner: Owner, snapshot: string): Promise<boolean> {
    return this.#inTurn(async () => {
      if (await this.#store?.delete(owner, snapshot)) return true;
      throw snapshotNotFound(snapshot);
    });
  }

  /** SNAPSHOT_NOT_FOUND. What is being read stays, though it be deleted meanwhile. */
  download(name: string, snapshot: string): Promise<SnapshotArchive> {
    return this.#download(this.#ownerOf(name), snapshot);
  }

  downloadFull(snapshot: string): Promise<SnapshotArchive> {
    return this.#download(undefined, snapshot);
  }

  async #download(owner: Owner, name: string): Promise<SnapshotArchive> {
    const found: StoredSnapshot | undefined = await this.#store?.find(owner, name);
    if (!this.#store || !found) throw snapshotNotFound(name);
    const chunks = this.#store.archive(found);
    const { size, checksum } = found;
    return { name, size, checksum, [Symbol.asyncIterator]: () => chunks };
  }

  /** Puts what is at the location in the collection's place, or makes the collection. */
  async recover(name: string, body: schema.SnapshotRecover): Promise<boolean> {
    const store = this.#existing();
    const home = this.#catalogue.resolve(schema.parseCollectionName(name));
    const request = schema.snapshotRecover.parse(body);
    return this.#restore(home, await archiveAt(store, home, request), request.checksum);
  }

  async upload(name: string, chunks: Chunks, options: schema.SnapshotUpload = {}): Promise<boolean> {
    this.#existing();
    const home = this.#catalogue.resolve(schema.parseCollectionName(name));
    const { checksum } = schema.snapshotUpload.parse(options);
    return this.#restore(home, chunks, checksum);
  }

  /** All collections and aliases of a snapshot, of one or of all, into a database that has none. */
  async uploadFull(chunks: Chunks, options: schema.SnapshotUpload = {}): Promise<boolean> {
    this.#existing();
    const { checksum } = schema.snapshotUpload.parse(options);
    const admit = () => {
      if (this.#catalogue.names().length > 0)
        throw new VicinalError("BAD_REQUEST", "Bad request: A whole database is restored into an empty one");
    };
    await restoreArchive(this.#catalogue, chunks, {
      checksum,
      admit,
      nameFor: (own) => own,
      withAliases: true,
    });
    return true;
  }

  async #restore(home: string, chunks: Chunks, checksum?: string | null): Promise<boolean> {
    const admit = ({ kind }: SnapshotBody) => {
      if (kind === "full")
        throw new VicinalError(
          "BAD_REQUEST",
          "Bad request: The snapshot is of a whole database, not of a collection",
        );
    };
    await restoreArchive(this.#catalogue, chunks, {
      checksum,
      admit,
      nameFor: () => home,
      withAliases: false,
    });
    return true;
  }

  /** A collection need not exist for its snapshots to be used. */
  #ownerOf(name: string): string {
    return this.#catalogue.resolve(name);
  }

  #existing(): SnapshotStore {
    this.#mustBeOpen();
    if (this.#store) return this.#store;
    throw new VicinalError("UNSUPPORTED", "Snapshots need a data folder: this database lives in memory");
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new VicinalError("CLOSED", "The database is closed");
  }

  /** What writes to the store or deletes from it happens one after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(() => {
      this.#mustBeOpen();
      return work();
    });
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Stops what is being taken. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#turn;
  }
}
