/** The grammar of keys: what every home of objects can name. */
import { checkPath, VicinalError } from "vicinal/shard";

/** S3 takes 1024 bytes; the rest is for the prefix that a store's URL gives. */
const KEY_LENGTH_MAX = 768;

/** Throws BAD_REQUEST unless `key` is of the form `a/b/c`, like paths of the engine, and of at most 768 characters. */
export function checkKey(key: string): void {
  checkPath(key);
  if (key.length > KEY_LENGTH_MAX)
    throw new VicinalError(
      "BAD_REQUEST",
      `Bad key of ${key.length} characters: at most ${KEY_LENGTH_MAX} are allowed: ${key.slice(0, 100)}...`,
      { key, length: key.length },
    );
}
