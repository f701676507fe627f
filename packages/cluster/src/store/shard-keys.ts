/** Keys of a shard's objects: `shards/<shard>/<epoch>/<opening>/<number>-<path>`. */

export function keyPrefix(shard: string): string {
  return `shards/${shard}/`;
}

/** The epoch in which an object of the shard was written; undefined for a key of another form. */
export function epochOf(shard: string, key: string): number | undefined {
  const prefix = keyPrefix(shard);
  const found = key.startsWith(prefix) && /^(\d+)\/[0-9a-f]{12}\/\d+-/.exec(key.slice(prefix.length));
  return found ? Number(found[1]) : undefined;
}
