/** A catalogue of one collection in memory, called `c`: to try out a change on. */
import type { Collection } from "vicinal/shard";
import { ShardCatalogue } from "./shard-catalogue.js";

export class SingleCatalogue extends ShardCatalogue {
  readonly #collection: Collection;

  constructor(collection: Collection) {
    super(undefined);
    this.#collection = collection;
  }

  override has(): boolean {
    return true;
  }

  override get(): Collection {
    return this.#collection;
  }

  override find(): Collection {
    return this.#collection;
  }
}
