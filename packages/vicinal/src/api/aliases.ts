/**
 * Aliases: other names of collections. A change makes a new set from the old one, so that the catalogue writes and
 * shows all the actions of a request or none.
 */
import { VicinalError } from "../runtime/errors.js";
import type { AliasOperation, CollectionsAliases } from "./schema/index.js";

export class Aliases {
  readonly #targets: ReadonlyMap<string, string>;

  /** @param targets Collections by alias. */
  constructor(targets: Iterable<readonly [string, string]> = []) {
    this.#targets = new Map(targets);
  }

  has(name: string): boolean {
    return this.#targets.has(name);
  }

  /** The collection's own name; a name that is no alias stands for itself. */
  resolve(name: string): string {
    return this.#targets.get(name) ?? name;
  }

  /** Pairs of alias and collection: all, or those of one collection. */
  list(collection?: string): [string, string][] {
    return [...this.#targets].filter(([, target]) => collection === undefined || target === collection);
  }

  /** As they are once the collection is gone. */
  without(collection: string): Aliases {
    return new Aliases([...this.#targets].filter(([, target]) => target !== collection));
  }

  /**
   * As they are after the actions, which happen in their order.
   *
   * @param isCollection Whether a collection has the name itself.
   * @throws COLLECTION_NOT_FOUND, COLLECTION_EXISTS when an alias would hide a collection, ALIAS_NOT_FOUND.
   */
  changed(actions: readonly AliasOperation[], isCollection: (name: string) => boolean): Aliases {
    const targets = new Map(this.#targets);
    const name = (alias: string, collection: string): void => {
      if (isCollection(alias)) throw collectionExists(alias);
      targets.set(alias, collection);
    };
    for (const action of actions) {
      if ("create_alias" in action) {
        const { alias_name, collection_name } = action.create_alias;
        if (!isCollection(collection_name)) throw collectionNotFound(collection_name);
        name(alias_name, collection_name);
      } else if ("delete_alias" in action) {
        targets.delete(action.delete_alias.alias_name);
      } else {
        const { old_alias_name, new_alias_name } = action.rename_alias;
        const collection = targets.get(old_alias_name);
        if (collection === undefined) throw aliasNotFound(old_alias_name);
        targets.delete(old_alias_name);
        name(new_alias_name, collection);
      }
    }
    return new Aliases(targets);
  }
}

export function describeAliases(pairs: readonly [string, string][]): CollectionsAliases {
  return { aliases: pairs.map(([alias_name, collection_name]) => ({ alias_name, collection_name })) };
}

export function collectionExists(name: string): VicinalError {
  return new VicinalError("COLLECTION_EXISTS", `Wrong input: Collection \`${name}\` already exists!`, {
    name,
  });
}

export function collectionNotFound(name: string): VicinalError {
  return new VicinalError("COLLECTION_NOT_FOUND", `Not found: Collection \`${name}\` doesn't exist!`, {
    name,
  });
}

export function nameIsAlias(name: string): VicinalError {
  return new VicinalError(
    "BAD_REQUEST",
    `Can't create collection with name ${name}. Alias with the same name already exists`,
    { name },
  );
}

function aliasNotFound(name: string): VicinalError {
  return new VicinalError("ALIAS_NOT_FOUND", `Not found: Alias ${name} does not exists!`, { name });
}
