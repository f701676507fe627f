/**
 * CollectionFolders: where the collections of a database lie, `collections/<number>/`, and how they are opened and made there. A
 * number is given once; who writes under it is of the catalogue's epoch. Without a directory, collections live in memory.
 */
import { corruption, VicinalError } from "../runtime/errors.js";
import { Collection, type CollectionOptions } from "../segment/collection.js";
import type { CollectionConfig } from "../segment/config.js";
import type { Directory } from "../storage/directory.js";

const CREATE_ATTEMPTS = 20;

export class CollectionFolders {
  readonly #dir: Directory | undefined;
  readonly #options: Omit<CollectionOptions, "epoch">;
  /** Number of the opening: what collections are written under. */
  epoch = 1;
  /** The number that is given next. */
  next = 1;

  constructor(dir: Directory | undefined, options: Omit<CollectionOptions, "epoch">) {
    this.#dir = dir;
    this.#options = options;
  }

  /** Undefined in memory. */
  at(folder: number): Directory | undefined {
    return this.#dir?.folder(`collections/${folder}`);
  }

  /** The collection that lies there. */
  open(folder: number, options: Partial<CollectionOptions> = {}): Promise<Collection> {
    return Collection.open(this.at(folder) as Directory, {
      epoch: this.epoch,
      ...this.#options,
      ...options,
    });
  }

  /** In a folder of its own: a writer that had been replaced may have left something in the next one. */
  async create(config: CollectionConfig): Promise<{ folder: number; collection: Collection }> {
    for (let attempt = 1; ; attempt++) {
      const folder = this.next++;
      try {
        const options = { epoch: this.epoch, ...this.#options };
        return { folder, collection: await Collection.create(this.at(folder), config, options) };
      } catch (reason) {
        const fenced = reason instanceof VicinalError && reason.code === "FENCED";
        if (!fenced || attempt === CREATE_ATTEMPTS) throw reason;
      }
    }
  }

  async delete(folder: number): Promise<void> {
    const dir = this.at(folder);
    if (dir) for (const path of await dir.list()) await dir.delete(path);
  }

  /**
   * A creation that was interrupted leaves an empty collection. One with writes was acknowledged, so the manifest that
   * named it was whole once: CORRUPTION, before the collection is taken for an orphan. What is older than the manifest
   * that counts and not in it was dropped, and a crash has undone the deletion of its files.
   *
   * @param torn Path of a manifest that was passed over.
   */
  async refuseLoss(torn: string | undefined): Promise<void> {
    for (const folder of await this.#present()) {
      if (folder < this.next) continue;
      const collection = await this.open(folder).catch(() => undefined);
      const { sequence } = collection?.state ?? { sequence: 0 };
      await collection?.close();
      if (sequence > 0)
        throw corruption(
          `${this.#dir?.location}/catalogue/${torn ?? "manifest"}`,
          0,
          `a manifest that names collections/${folder}`,
          torn === undefined ? "none" : "damaged bytes",
          "catalogue",
        );
    }
  }

  /** Orphans are about to be deleted, which a crash may undo: no collection may come to lie among them. */
  async passOver(): Promise<void> {
    for (const folder of await this.#present()) this.next = Math.max(this.next, folder + 1);
  }

  /** Deletes files of collections whose creation was not finished or whose deletion was. */
  async deleteOthers(than: readonly number[]): Promise<void> {
    const kept = new Set(than.map(String));
    const collections = this.#dir?.folder("collections");
    for (const path of await this.#paths())
      if (!kept.has(path.slice(0, path.indexOf("/")))) await collections?.delete(path);
  }

  async #paths(): Promise<string[]> {
    return (await this.#dir?.folder("collections").list()) ?? [];
  }

  /** Numbers of the folders that there are. */
  async #present(): Promise<Set<number>> {
    const numbers = (await this.#paths()).map((path) => Number(path.slice(0, path.indexOf("/"))));
    return new Set(numbers.filter(Number.isSafeInteger));
  }
}
