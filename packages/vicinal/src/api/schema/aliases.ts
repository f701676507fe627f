/** Aliases: other names of collections. */
import { array, type Infer, named, object, string, union } from "../../runtime/schema.js";
import { collectionName } from "./common.js";

const createAlias = named(
  "CreateAliasOperation",
  object({
    create_alias: named("CreateAlias", object({ collection_name: string(), alias_name: collectionName })),
  }),
);
const deleteAlias = named(
  "DeleteAliasOperation",
  object({ delete_alias: named("DeleteAlias", object({ alias_name: string() })) }),
);
const renameAlias = named(
  "RenameAliasOperation",
  object({
    rename_alias: named("RenameAlias", object({ old_alias_name: string(), new_alias_name: collectionName })),
  }),
);

const aliasOperation = named("AliasOperations", union(createAlias, deleteAlias, renameAlias));
/** One change: create (or point elsewhere), delete, rename. */
export type AliasOperation = Infer<typeof aliasOperation>;

export const changeAliases = named("ChangeAliasesOperation", object({ actions: array(aliasOperation) }));
/** Changes that happen together: all of them or none. */
export type ChangeAliases = Infer<typeof changeAliases>;

export const collectionsAliases = named(
  "CollectionsAliasesResponse",
  object({
    aliases: array(named("AliasDescription", object({ alias_name: string(), collection_name: string() }))),
  }),
);
export type CollectionsAliases = Infer<typeof collectionsAliases>;
