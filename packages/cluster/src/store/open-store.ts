/** The home of objects that a URL names. */
import { VicinalError } from "vicinal/shard";
import { FolderStore } from "./folder-store.js";
import { checkKey } from "./keys.js";
import type { ObjectStore } from "./object-store.js";
import { S3Store } from "./s3-store.js";

/**
 * `s3://bucket/prefix?endpoint=https://host:port&region=name` (prefix and both parameters optional; credentials come from where
 * the AWS SDK looks for them: environment, profile, machine's role), or `dir:/path`, a folder that all nodes share.
 * BAD_REQUEST for any other.
 */
export function openStore(url: string): ObjectStore {
  if (url.startsWith("dir:")) {
    const path = url.slice("dir:".length);
    if (!path.startsWith("/") && !/^[A-Za-z]:[\\/]/.test(path))
      throw refused(url, "the path must be absolute");
    return new FolderStore(path);
  }
  if (!url.startsWith("s3://")) throw refused(url, "expected s3://bucket/prefix or dir:/path");
  const parsed = parse(url);
  if (!parsed?.hostname || parsed.username || parsed.hash)
    throw refused(url, "expected s3://bucket/prefix?endpoint=...&region=...");
  for (const name of parsed.searchParams.keys())
    if (!["endpoint", "region"].includes(name)) throw refused(url, `unknown parameter ${name}`);
  const endpoint = parsed.searchParams.get("endpoint") ?? undefined;
  if (endpoint !== undefined && !/^https?:$/.test(parse(endpoint)?.protocol ?? ""))
    throw refused(url, `the endpoint must be an http or https URL, not ${JSON.stringify(endpoint)}`);
  const prefix = parsed.pathname.replace(/^\/|\/$/g, "");
  if (prefix !== "") checkKey(prefix);
  return new S3Store({
    bucket: parsed.hostname,
    prefix,
    endpoint,
    region: parsed.searchParams.get("region") ?? undefined,
  });
}

function parse(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}

function refused(url: string, why: string): VicinalError {
  return new VicinalError("BAD_REQUEST", `Bad object store ${JSON.stringify(url)}: ${why}`, { url });
}
