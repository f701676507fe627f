/**
 * FollowedCatalogue: the collections of a folder as a reader sees them that takes no lock and writes nothing. It follows the
 * writer, where there is one, by itself and when it is told to.
 */
import { VicinalError } from "../runtime/errors.js";
import { Readers } from "../runtime/readers.js";
import type { Collection } from "../segment/collection.js";
import { CollectionFollower } from "../segment/follower.js";
import { readOnly } from "../segment/read-only-log.js";
import type { Directory } from "../storage/directory.js";
import { type Manifest, Manifests } from "../storage/manifest.js";
import { readOnly as readOnlyView } from "../storage/read-only.js";
import { Aliases, collectionNotFound } from "./aliases.js";
import type { Collections } from "./catalogue.js";
import { readCatalogue } from "./catalogue-manifest.js";
import { Quotas } from "./limits/quotas.js";

export interface FollowOptions {
  /** Milliseconds between one refresh and the next; 0 for only those that are asked for. Default 1000. */
  refreshMs?: number;
  now?: () => number;
}

export const REFRESH_MS = 1000;

interface Entry {
  folder: number;
  /** Or why it could not be opened. */
  follower: CollectionFollower | unknown;
}

export class FollowedCatalogue implements Collections {
  readonly quotas: Quotas;
  /** Who uses the collections now: what a refresh replaces is closed when they are done. */
  readonly users = new Readers();
  readonly #dir: Directory;
  readonly #manifests: Manifests;
  readonly #options: FollowOptions;
  #number: number | undefined;
  #epoch = 0;
  #aliases = new Aliases();
  #entries = new Map<string, Entry>();
  #refreshing: Promise<void> | undefined;
  #closing: Promise<unknown> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  private constructor(dir: Directory, options: FollowOptions) {
    this.#dir = dir;
    this.#options = options;
    this.#manifests = new Manifests(dir.folder("catalogue"));
    this.quotas = new Quotas(dir.location);
  }

  /** FILE_NOT_FOUND where the folder holds no database. */
  static async open(dir: Directory, options: FollowOptions = {}): Promise<FollowedCatalogue> {
    const catalogue = new FollowedCatalogue(dir, options);
    await catalogue.#refresh(true);
    catalogue.#await();
    return catalogue;
  }

  #await(): void {
    const { refreshMs = REFRESH_MS } = this.#options;
    if (this.#closed || refreshMs === 0) return;
    // What keeps one refresh from getting through is there for the next, and for the user's own calls.
    this.#timer = setTimeout(
      () =>
        void this.refresh().then(
          () => this.#await(),
          () => this.#await(),
        ),
      refreshMs,
    );
    (this.#timer as { unref?: () => void }).unref?.();
  }

  /** Resolves when everything can be read that the writer had acknowledged before the call. */
  async refresh(): Promise<void> {
    this.#mustBeOpen();
    // One that is under way may have looked before this call.
    while (this.#refreshing) await this.#refreshing.catch(() => {});
    this.#mustBeOpen();
    this.#refreshing = this.#refresh(false).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** A collection that cannot be read keeps the others from nothing; what it throws is thrown in the end, unless `opening`. */
  async #refresh(opening: boolean): Promise<void> {
    const newest = await this.#newest();
    if (!newest)
      throw new VicinalError("FILE_NOT_FOUND", `There is no database in ${this.#dir.location}`, {
        path: this.#dir.location,
      });
    const isNew = newest.number !== this.#number;
    const manifest = readCatalogue(this.#dir, newest);
    const anew = manifest.epoch !== this.#epoch;
    const entries = new Map<string, Entry>();
    let failure: unknown;
    for (const { name, folder } of manifest.collections) {
      const known = [...this.#entries.values()].find((entry) => entry.folder === folder);
      const follower = await this.#follow(known?.follower, folder, anew).catch((reason: unknown) => {
        failure ??= reason;
        return known?.follower instanceof CollectionFollower ? known.follower : reason;
      });
      entries.set(name, { folder, follower });
    }
    const before = this.#entries;
    this.#entries = entries;
    if (isNew) this.#aliases = new Aliases(manifest.aliases);
    this.quotas.config = manifest.quotas ?? {};
    this.#number = newest.number;
    if (failure === undefined) this.#epoch = manifest.epoch;
    const kept = new Set([...entries.values()].map(({ follower }) => follower));
    for (const { follower } of before.values())
      if (!kept.has(follower) && follower instanceof CollectionFollower) this.#leave(follower.collection);
    if (failure === undefined) return;
    // It may have been deleted since the catalogue was read.
    if ((await this.#newest())?.number !== newest.number) return this.#refresh(opening);
    if (!opening) throw failure;
  }

  /** The writer may delete a manifest between the listing and the reading. */
  async #newest(): Promise<Manifest | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#manifests.peek();
      } catch (reason) {
        const gone = reason instanceof VicinalError && reason.code === "FILE_NOT_FOUND";
        if (!gone || attempt === 20) throw reason;
      }
    }
  }

  async #follow(known: unknown, folder: number, anew: boolean): Promise<CollectionFollower> {
    if (known instanceof CollectionFollower) {
      const replaced = await known.refresh(anew);
      if (replaced) this.#leave(replaced);
      return known;
    }
    return CollectionFollower.open(this.#dir.folder(`collections/${folder}`), { now: this.#options.now });
  }

  #leave(collection: Collection): void {
    const closed = this.users.left().then(() => collection.close());
    this.#closing = Promise.all([this.#closing, closed]);
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new VicinalError("CLOSED", "The database is closed");
  }

  names(): string[] {
    this.#mustBeOpen();
    return [...this.#entries.keys()];
  }

  /** As it is read: snapshots can be listed and given out, not made. */
  get home(): Directory {
    return readOnlyView(this.#dir);
  }

  resolve(name: string): string {
    this.#mustBeOpen();
    return this.#aliases.resolve(name);
  }

  setAside(): { name: string; folder: number; reason: unknown }[] {
    this.#mustBeOpen();
    return [...this.#entries].flatMap(([name, { folder, follower }]) =>
      follower instanceof CollectionFollower ? [] : [{ name, folder, reason: follower }],
    );
  }

  has(name: string): boolean {
    this.#mustBeOpen();
    return this.#entries.has(this.#aliases.resolve(name));
  }

  nameOf(name: string): string {
    this.get(name);
    return this.#aliases.resolve(name);
  }

  get(name: string): Collection {
    this.#mustBeOpen();
    const entry = this.#entries.get(this.#aliases.resolve(name));
    if (!entry) throw collectionNotFound(name);
    if (!(entry.follower instanceof CollectionFollower)) throw entry.follower;
    const { collection } = entry.follower;
    collection.expire();
    return collection;
  }

  find(name: string): Collection | undefined {
    const follower = this.#entries.get(name)?.follower;
    return follower instanceof CollectionFollower ? follower.collection : undefined;
  }

  aliases(name?: string): [string, string][] {
    this.#mustBeOpen();
    if (name === undefined) return this.#aliases.list();
    if (!this.has(name)) throw collectionNotFound(name);
    return this.#aliases.list(this.#aliases.resolve(name));
  }

  async changeAliases(): Promise<void> {
    throw readOnly();
  }

  async changeQuotas(): Promise<void> {
    throw readOnly();
  }

  async create(): Promise<Collection> {
    throw readOnly();
  }

  async delete(): Promise<boolean> {
    throw readOnly();
  }

  async stage(): Promise<never> {
    throw readOnly();
  }

  async unstage(): Promise<void> {}

  async openFolder(): Promise<Collection> {
    throw readOnly();
  }

  async replace(): Promise<void> {
    throw readOnly();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#refreshing?.catch(() => {});
    await this.users.drained();
    await this.#closing;
    for (const { follower } of this.#entries.values())
      if (follower instanceof CollectionFollower) await follower.collection.close();
    this.#entries.clear();
  }
}
