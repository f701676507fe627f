/**
 * Catalogue: which collections there are and where each lies.
 *
 *   <home>/catalogue/manifest-...   names, aliases, folders, the writer's epoch
 *   <home>/collections/<number>/... one collection (segment/collection.ts)
 *
 * A collection that cannot be opened is set aside: its name stays, every use of it reports what is damaged, and the
 * others work.
 */
import { Budget } from "../runtime/budget.js";
import { corruption, VicinalError } from "../runtime/errors.js";
import { type OptimizerOptions, Resources } from "../runtime/resources.js";
import type { BlobLimits } from "../segment/blob-store.js";
import { Collection } from "../segment/collection.js";
import type { CollectionConfig } from "../segment/config.js";
import type { Directory } from "../storage/directory.js";
import { type Manifest, Manifests } from "../storage/manifest.js";
import { Aliases, collectionExists, collectionNotFound } from "./aliases.js";
import { type Durability, syncIntervalMs } from "./durability.js";
import { NotOpenYet } from "./lazy.js";
import { Quotas } from "./limits/quotas.js";
import type { AliasOperation, QuotaConfig } from "./schema/index.js";

export const FORMAT = 1;
const CREATE_ATTEMPTS = 20;

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

/** A folder of a collection that is not in the catalogue yet. */
export interface StagedFolder {
  folder: number;
  dir: Directory;
}

interface Entry {
  folder: number;
  /** The collection, or why it could not be opened; undefined while nobody has needed it. */
  collection: Collection | unknown;
  /** Under way. */
  opening?: Promise<void>;
}

export interface CatalogueOptions {
  /** When a write is acknowledged; default `"sync"`. */
  durability?: Durability;
  /** What merges and index builds of all collections together may take of the machine. */
  optimizer?: OptimizerOptions;
  /**
   * Bytes of memory that all collections together may hold, 16 MiB or more: payloads are then read from their files, and vectors
   * too once they would take more than half of it. What cannot fit is MEMORY_BUDGET. Default: no bound.
   */
  memoryBudget?: number;
  /**
   * True: a collection is opened when an operation first needs it, which then waits; listing, describing aliases and deleting
   * need none. Default false: `open` opens them all.
   */
  lazy?: boolean;
  /** How large blobs may be, and how many a point may have; see docs/originals.md. */
  blobs?: BlobLimits;
  /** For tests: see CollectionOptions. */
  now?: () => number;
}

/** What operations need of a catalogue. */
export interface Collections extends Pick<Catalogue, Exclude<keyof Catalogue, "resources">> {
  /** Absent where each collection has its own. */
  readonly resources?: Resources;
}

export class Catalogue {
  readonly #dir: Directory | undefined;
  readonly #manifests: Manifests | undefined;
  readonly #syncIntervalMs: number;
  /** What the collections share. */
  readonly resources: Resources;
  readonly #lazy: boolean;
  readonly #now: (() => number) | undefined;
  readonly #blobs: BlobLimits | undefined;
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
    this.#syncIntervalMs = syncIntervalMs(options.durability);
    const { memoryBudget } = options;
    const budget = memoryBudget === undefined ? undefined : new Budget(memoryBudget);
    this.resources = new Resources(options.optimizer, undefined, budget);
    this.#lazy = options.lazy ?? false;
    this.#now = options.now;
    this.#blobs = options.blobs;
  }

  /** Opens the collections in `dir`, or makes them ready to be; without it, a catalogue that lives in memory. */
  static async open(dir: Directory | undefined, options: CatalogueOptions = {}): Promise<Catalogue> {
    const catalogue = new Catalogue(dir, options);
    try {
      if (dir) await catalogue.#load(dir);
      // Of an opening, not of a collection: damage sets one aside, a budget is given for all.
      const tooLarge = [...catalogue.#entries.values()].find(({ collection }) => isOverBudget(collection));
      if (tooLarge) throw tooLarge.collection;
      return catalogue;
    } catch (reason) {
      await catalogue.close();
      throw reason;
    }
  }

  async #load(dir: Directory): Promise<void> {
    let listed: CatalogueManifest["collections"] = [];
    // The new epoch is durable before anything is written under it.
    await this.#manifests?.takeOver(async (latest) => {
      const manifest = latest && readCatalogue(dir, latest);
      this.#epoch = (manifest?.epoch ?? 0) + 1;
      this.#nextFolder = manifest?.nextFolder ?? 1;
      this.#aliases = new Aliases(manifest?.aliases);
      this.quotas.config = manifest?.quotas ?? {};
      listed = manifest?.collections ?? [];
      await this.#refuseLoss(dir, latest?.torn);
      // Orphans are about to be deleted, which a crash may undo: no collection may come to lie among them.
      for (const folder of await foldersIn(dir)) this.#nextFolder = Math.max(this.#nextFolder, folder + 1);
      this.#entries.clear();
      for (const { name, folder } of listed) this.#entries.set(name, { folder, collection: undefined });
      return this.#manifest();
    });
    const folders = new Set(listed.map(({ folder }) => String(folder)));
    await this.#deleteOrphans(dir, folders);
    if (!this.#lazy) for (const entry of this.#entries.values()) await this.#opened(entry);
  }

  /** Opens a collection unless that was done or is under way. Never rejects: `get` says what went wrong. */
  #opened(entry: Entry): Promise<void> {
    const options = { ...this.#options(), early: this.#lazy };
    entry.opening ??= Collection.open(this.#folder(entry.folder) as Directory, options).then(
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
  async #refuseLoss(dir: Directory, torn: string | undefined): Promise<void> {
    for (const folder of await foldersIn(dir)) {
      if (folder < this.#nextFolder) continue;
      const collection = await Collection.open(this.#folder(folder) as Directory, this.#options()).catch(
        () => undefined,
      );
      const { sequence } = collection?.state ?? { sequence: 0 };
      await collection?.close();
      if (sequence > 0)
        throw corruption(
          `${dir.location}/catalogue/${torn ?? "manifest"}`,
          0,
          `a manifest that names collections/${folder}`,
          torn === undefined ? "none" : "damaged bytes",
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

  /** Where the database lies; undefined for one in memory. */
  get home(): Directory | undefined {
    return this.#dir;
  }

  /**
   * Folders for collections that are going to be restored, until `replace` or `unstage`, and the epoch that their writer
   * has: a greater one than `above`, as logs need that others have written to. Their numbers are durable, so that what a
   * stop leaves in them is not taken for a collection that was lost.
   */
  async stage(count: number, above: number): Promise<{ epoch: number; folders: StagedFolder[] }> {
    this.#mustBeOpen();
    return this.#inTurn(async () => {
      this.#mustBeOpen();
      const folders = Array.from({ length: count }, () => {
        const folder = this.#nextFolder++;
        return { folder, dir: this.#folder(folder) as Directory };
      });
      this.#epoch = Math.max(this.#epoch, above + 1);
      await this.#commit();
      return { epoch: this.#epoch, folders };
    });
  }

  /** Gives up staged folders and what is in them, unless a later opening may find them in the catalogue. */
  async unstage(folders: readonly StagedFolder[]): Promise<void> {
    if (this.#inDoubt) return;
    for (const { folder } of folders) await this.#deleteFiles(folder).catch(() => {});
  }

  /** The collection in a staged folder. */
  openFolder(folder: number, epoch: number): Promise<Collection> {
    return Collection.open(this.#folder(folder) as Directory, { ...this.#options(), epoch });
  }

  /** Puts collections in the place of those of their names, all in one commit, and deletes what was replaced. */
  async replace(
    restored: readonly { name: string; folder: number; collection: Collection }[],
    aliases: [string, string][] = [],
  ): Promise<void> {
    this.#mustBeOpen();
    return this.#inTurn(async () => {
      this.#mustBeOpen();
      for (const { name } of restored) if (this.#aliases.has(name)) throw nameIsAlias(name);
      const names = new Set(restored.map(({ name }) => name));
      const made = aliases.map(([alias_name, collection_name]) => ({
        create_alias: { alias_name, collection_name },
      }));
      const changed = this.#aliases.changed(made, (name) => names.has(name) || this.#entries.has(name));
      const before = new Map(this.#entries);
      for (const { name, folder, collection } of restored) this.#entries.set(name, { folder, collection });
      const undo = () => {
        this.#entries.clear();
        for (const [name, entry] of before) this.#entries.set(name, entry);
      };
      try {
        await this.#commitOr(undo, changed);
      } catch (reason) {
        if (this.#inDoubt)
          for (const name of names) this.find(name)?.refuseWrites(inDoubt(name, "replacement", reason));
        throw reason;
      }
      this.#aliases = changed;
      for (const name of names) await this.#remove(before.get(name));
    });
  }

  /** Ends a collection that is in the catalogue no more. What cannot be deleted now, the next opening deletes. */
  async #remove(entry: Entry | undefined): Promise<void> {
    if (!entry) return;
    await entry.opening;
    if (entry.collection instanceof Collection) await entry.collection.close().catch(() => {});
    await this.#deleteFiles(entry.folder).catch(() => {});
  }

  #options() {
    return {
      epoch: this.#epoch,
      syncIntervalMs: this.#syncIntervalMs,
      resources: this.resources,
      now: this.#now,
      blobs: this.#blobs,
    };
  }

  #folder(folder: number): Directory | undefined {
    return this.#dir?.folder(`collections/${folder}`);
  }

  #manifest(aliases = this.#aliases, quotas = this.quotas.config): CatalogueManifest {
    return {
      format: FORMAT,
      epoch: this.#epoch,
      nextFolder: this.#nextFolder,
      collections: [...this.#entries].map(([name, { folder }]) => ({ name, folder })),
      aliases: aliases.list(),
      quotas,
    };
  }

  async #commit(aliases?: Aliases, quotas?: QuotaConfig): Promise<void> {
    await this.#manifests?.commit(this.#manifest(aliases, quotas));
  }

  /** Nothing to do: whoever writes sees what was written. */
  async refresh(): Promise<void> {
    this.#mustBeOpen();
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

  /** The name itself, or the collection's where it is an alias; there need be none. */
  resolve(name: string): string {
    this.#mustBeOpen();
    return this.#aliases.resolve(name);
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

  /** Collections that could not be opened, and why: names in order of their creation. */
  setAside(): { name: string; folder: number; reason: unknown }[] {
    this.#mustBeOpen();
    return [...this.#entries].flatMap(([name, { folder, collection }]) =>
      // One that was not needed yet may be whole.
      collection === undefined || collection instanceof Collection
        ? []
        : [{ name, folder, reason: collection }],
    );
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
      await this.#commit(undefined, config);
      this.quotas.config = config;
    });
  }

  async create(name: string, config: CollectionConfig): Promise<Collection> {
    this.#mustBeOpen();
    return this.#inTurn(async () => {
      if (this.#entries.has(name)) throw collectionExists(name);
      if (this.#aliases.has(name)) throw nameIsAlias(name);
      const { folder, collection } = await this.#createInFolder(config);
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

  /** In a folder of its own: a writer that had been replaced may have left something in the next one. */
  async #createInFolder(config: CollectionConfig): Promise<{ folder: number; collection: Collection }> {
    for (let attempt = 1; ; attempt++) {
      const folder = this.#nextFolder++;
      try {
        return {
          folder,
          collection: await Collection.create(this.#folder(folder), config, this.#options()),
        };
      } catch (reason) {
        const fenced = reason instanceof VicinalError && reason.code === "FENCED";
        if (!fenced || attempt === CREATE_ATTEMPTS) throw reason;
      }
    }
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
          const doubt = inDoubt(name, "deletion", reason);
          if (entry.collection instanceof Collection) entry.collection.refuseWrites(doubt);
          else entry.collection ??= doubt;
        }
        throw reason;
      }
      this.#aliases = aliases;
      await this.#remove(entry);
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
    this.resources.budget?.close();
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }
}

function isOverBudget(reason: unknown): boolean {
  return reason instanceof VicinalError && reason.code === "MEMORY_BUDGET";
}

/** Numbers of the folders of collections that there are. */
async function foldersIn(dir: Directory): Promise<Set<number>> {
  const paths = await dir.folder("collections").list();
  return new Set(paths.map((path) => Number(path.slice(0, path.indexOf("/")))).filter(Number.isSafeInteger));
}

export function readCatalogue(dir: Directory, { value }: Manifest): CatalogueManifest {
  const manifest = value as CatalogueManifest;
  if (manifest.format === FORMAT) return manifest;
  throw new VicinalError(
    "UNSUPPORTED",
    `${dir.location} was written in format ${manifest.format}; this version reads format ${FORMAT}`,
  );
}

function nameIsAlias(name: string): VicinalError {
  return new VicinalError(
    "BAD_REQUEST",
    `Can't create collection with name ${name}. Alias with the same name already exists`,
    { name },
  );
}

/** Why a collection takes no more writes: what a later opening may find deleted or replaced must not grow. */
function inDoubt(name: string, change: "deletion" | "replacement", cause: unknown): VicinalError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `Writes to ${name} are refused since nobody knows whether its ${change} counts: ${reason}`;
  return new VicinalError("WRITES_REFUSED", message, { name }, { cause });
}
