/**
 * Catalogue: which collections there are and where each lies.
 *
 *   <home>/catalogue/manifest-...   names, aliases, folders, the writer's epoch
 *   <home>/collections/<number>/... one collection (segment/collection.ts)
 *
 * A collection that cannot be opened is set aside: its name stays, every use of it reports what is damaged, and the
 * others work.
 */
import { corruption, VicinalError } from "../runtime/errors.js";
import { Collection } from "../segment/collection.js";
import type { CollectionConfig } from "../segment/config.js";
import type { Directory } from "../storage/directory.js";
import { Manifests } from "../storage/manifest.js";
import { Aliases, collectionExists, collectionNotFound } from "./aliases.js";
import { NotOpenYet } from "./lazy.js";
import { Quotas } from "./limits/quotas.js";
import type { AliasOperation, QuotaConfig } from "./schema/index.js";

export const FORMAT = 1;

export interface CatalogueManifest {
  format: number;
  /** Number of the opening that wrote it. */
  epoch: number;
  nextFolder: number;
  collections: { name: string; folder: number }[];
  /** Pairs of alias and collection; absent where none was ever made. */
  aliases?: [string, string][];
  /** Absent where none were ever set. */
  quotas?: QuotaConfig;
}

interface Entry {
  folder: number;
  /** The collection, or why it could not be opened; undefined while nobody has needed it. */
  collection: Collection | unknown;
  /** Under way. */
  opening?: Promise<void>;
}

export interface CatalogueOptions {
  /** 0 (default): a write is acknowledged when it is synced. Above: synced this many milliseconds later. */
  syncIntervalMs?: number;
  /**
   * True: a collection is opened when an operation first needs it, which then waits; listing, describing aliases and deleting
   * need none. Default false: `open` opens them all.
   */
  lazy?: boolean;
  /** For tests: see CollectionOptions. */
  now?: () => number;
}

export class Catalogue {
  readonly #dir: Directory | undefined;
  readonly #manifests: Manifests | undefined;
  readonly #syncIntervalMs: number;
  readonly #lazy: boolean;
  readonly #now: (() => number) | undefined;
  readonly #entries = new Map<string, Entry>();
  readonly quotas: Quotas;
  #aliases = new Aliases();
  #epoch = 1;
  #nextFolder = 1;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** Whether the change that failed last may count after a crash. */
  #inDoubt = false;

  private constructor(dir: Directory | undefined, options: CatalogueOptions) {
    this.#dir = dir;
    this.quotas = new Quotas(dir?.location);
    this.#manifests = dir && new Manifests(dir.folder("catalogue"));
    this.#syncIntervalMs = options.syncIntervalMs ?? 0;
    this.#lazy = options.lazy ?? false;
    this.#now = options.now;
  }

  /** Opens the collections in `dir`, or makes them ready to be; without it, a catalogue that lives in memory. */
  static async open(dir: Directory | undefined, options: CatalogueOptions = {}): Promise<Catalogue> {
    const catalogue = new Catalogue(dir, options);
    if (dir) await catalogue.#load(dir);
    return catalogue;
  }

  async #load(dir: Directory): Promise<void> {
    const latest = await this.#manifests?.latest();
    const manifest = latest?.value as CatalogueManifest | undefined;
    if (manifest && manifest.format !== FORMAT)
      throw new VicinalError(
        "UNSUPPORTED",
        `${dir.location} was written in format ${manifest.format}; this version reads format ${FORMAT}`,
      );
    this.#epoch = (manifest?.epoch ?? 0) + 1;
    this.#nextFolder = manifest?.nextFolder ?? 1;
    this.#aliases = new Aliases(manifest?.aliases);
    this.quotas.config = manifest?.quotas ?? {};
    const listed = manifest?.collections ?? [];
    const folders = new Set(listed.map(({ folder }) => String(folder)));
    if (latest?.torn !== undefined) await this.#refuseLoss(dir, latest.torn);
    for (const { name, folder } of listed) this.#entries.set(name, { folder, collection: undefined });
    // The new epoch is durable before anything is written under it.
    await this.#commit();
    await this.#deleteOrphans(dir, folders);
    if (!this.#lazy) for (const entry of this.#entries.values()) await this.#opened(entry);
  }

  /** Opens a collection unless that was done or is under way. Never rejects: `get` says what went wrong. */
  #opened(entry: Entry): Promise<void> {
    entry.opening ??= Collection.open(this.#folder(entry.folder) as Directory, this.#options()).then(
      (collection) => {
        entry.collection = collection;
      },
      (reason: unknown) => {
        entry.collection = reason;
      },
    );
    return entry.opening;
  }

  /**
   * A creation that was interrupted leaves an empty collection. One with writes was acknowledged, so the manifest that
   * named it was whole once: CORRUPTION, before the collection is taken for an orphan. What is older than the manifest
   * that counts and not in it was dropped, and a crash has undone the deletion of its files.
   */
  async #refuseLoss(dir: Directory, torn: string): Promise<void> {
    const found = (await dir.folder("collections").list()).map((path) => path.slice(0, path.indexOf("/")));
    for (const folder of new Set(found.map(Number))) {
      if (folder < this.#nextFolder) continue;
      const collection = await Collection.open(this.#folder(folder) as Directory, this.#options()).catch(
        () => undefined,
      );
      const { sequence } = collection?.state ?? { sequence: 0 };
      await collection?.close();
      if (sequence > 0)
        throw corruption(
          `${dir.location}/catalogue/${torn}`,
          0,
          `a manifest that names collections/${folder}`,
          "damaged bytes",
          "catalogue",
        );
    }
  }

  /** Files of collections whose creation was not finished or whose deletion was. */
  async #deleteOrphans(dir: Directory, folders: Set<string>): Promise<void> {
    const collections = dir.folder("collections");
    for (const path of await collections.list())
      if (!folders.has(path.slice(0, path.indexOf("/")))) await collections.delete(path);
  }

  #options() {
    return { epoch: this.#epoch, syncIntervalMs: this.#syncIntervalMs, now: this.#now };
  }

  #folder(folder: number): Directory | undefined {
    return this.#dir?.folder(`collections/${folder}`);
  }

  async #commit(aliases = this.#aliases, quotas = this.quotas.config): Promise<void> {
    const manifest: CatalogueManifest = {
      format: FORMAT,
      epoch: this.#epoch,
      nextFolder: this.#nextFolder,
      collections: [...this.#entries].map(([name, { folder }]) => ({ name, folder })),
      aliases: aliases.list(),
      quotas,
    };
    await this.#manifests?.commit(manifest);
  }

  /**
   * Commits a change; where that fails, `undo` is called and the catalogue committed as it was: nobody knows otherwise
   * whether a crash would bring the change about after all.
   */
  async #commitOr(undo: () => void, aliases = this.#aliases): Promise<void> {
    try {
      await this.#commit(aliases);
    } catch (reason) {
      undo();
      this.#inDoubt = await this.#commit().then(
        () => false,
        () => true,
      );
      throw reason;
    }
  }

  /** Changes of the catalogue happen one after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new VicinalError("CLOSED", "The database is closed");
  }

  names(): string[] {
    this.#mustBeOpen();
    return [...this.#entries.keys()];
  }

  /** By its own name or an alias. */
  has(name: string): boolean {
    this.#mustBeOpen();
    return this.#entries.has(this.#aliases.resolve(name));
  }

  /** The collection's own name, where an alias is given. COLLECTION_NOT_FOUND */
  nameOf(name: string): string {
    this.get(name);
    return this.#aliases.resolve(name);
  }

  /** By its own name or an alias. COLLECTION_NOT_FOUND, or what keeps it from being used; NotOpenYet while it is opened. */
  get(name: string): Collection {
    this.#mustBeOpen();
    const entry = this.#entries.get(this.#aliases.resolve(name));
    if (!entry) throw collectionNotFound(name);
    if (!(entry.collection instanceof Collection))
      throw entry.collection ?? new NotOpenYet(this.#opened(entry));
    entry.collection.expire();
    return entry.collection;
  }

  /** By its own name, where it is open. */
  find(name: string): Collection | undefined {
    const collection = this.#entries.get(name)?.collection;
    if (!(collection instanceof Collection)) return undefined;
    collection.expire();
    return collection;
  }

  /** Pairs of alias and collection: all, or those of the collection of that name. COLLECTION_NOT_FOUND. */
  aliases(name?: string): [string, string][] {
    this.#mustBeOpen();
    if (name === undefined) return this.#aliases.list();
    if (!this.has(name)) throw collectionNotFound(name);
    return this.#aliases.list(this.#aliases.resolve(name));
  }

  /** All of the actions or none, in one commit; see Aliases.changed. */
  async changeAliases(actions: readonly AliasOperation[]): Promise<void> {
    this.#mustBeOpen();
    return this.#inTurn(async () => {
      const aliases = this.#aliases.changed(actions, (name) => this.#entries.has(name));
      await this.#commitOr(() => {}, aliases);
      this.#aliases = aliases;
    });
  }

  async changeQuotas(config: QuotaConfig): Promise<void> {
    this.#mustBeOpen();
    return this.#inTurn(async () => {
      await this.#commit(this.#aliases, config);
      this.quotas.config = config;
    });
  }

  async create(name: string, config: CollectionConfig): Promise<Collection> {
    this.#mustBeOpen();
    return this.#inTurn(async () => {
      if (this.#entries.has(name)) throw collectionExists(name);
      if (this.#aliases.has(name))
        throw new VicinalError(
          "BAD_REQUEST",
          `Can't create collection with name ${name}. Alias with the same name already exists`,
          { name },
        );
      const folder = this.#nextFolder++;
      const collection = await Collection.create(this.#folder(folder), config, this.#options());
      this.#entries.set(name, { folder, collection });
      try {
        await this.#commitOr(() => this.#entries.delete(name));
      } catch (reason) {
        await collection.close().catch(() => {});
        throw reason;
      }
      return collection;
    });
  }

  /**
   * Deletes the collection and its aliases. False when there is none of that name: an alias does not serve here, lest a
   * collection be lost by a name that was moved. Works for a damaged collection too.
   */
  async delete(name: string): Promise<boolean> {
    this.#mustBeOpen();
    return this.#inTurn(async () => {
      const entry = this.#entries.get(name);
      if (!entry) return false;
      await entry.opening;
      const aliases = this.#aliases.without(name);
      this.#entries.delete(name);
      try {
        await this.#commitOr(() => this.#entries.set(name, entry), aliases);
      } catch (reason) {
        // What a later opening may find deleted must not grow.
        if (this.#inDoubt) {
          if (entry.collection instanceof Collection)
            entry.collection.refuseWrites(halfDeleted(name, reason));
          else entry.collection ??= halfDeleted(name, reason);
        }
        throw reason;
      }
      this.#aliases = aliases;
      // It is gone. What cannot be deleted now, the next opening deletes.
      if (entry.collection instanceof Collection) await entry.collection.close().catch(() => {});
      await this.#deleteFiles(entry.folder).catch(() => {});
      return true;
    });
  }

  async #deleteFiles(folder: number): Promise<void> {
    const dir = this.#folder(folder);
    if (dir) for (const path of await dir.list()) await dir.delete(path);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turn;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map(({ opening }) => opening));
    const opened = entries.map(({ collection }) => collection);
    const results = await Promise.allSettled(
      opened.map((collection) => (collection instanceof Collection ? collection.close() : undefined)),
    );
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }
}

function halfDeleted(name: string, cause: unknown): VicinalError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `Writes to ${name} are refused since nobody knows whether its deletion counts: ${reason}`;
  return new VicinalError("WRITES_REFUSED", message, { name }, { cause });
}
