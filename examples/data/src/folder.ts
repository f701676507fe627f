/** Where a data set lies: in a folder that was given, or in a cache that a download fills. */
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { progress } from "@vicinal/cli/progress";

/** How a set is had by somebody who has no copy. */
export interface Download {
  /** Addresses of its parts. */
  urls: string[];
  /** Said before it begins. */
  licence: string;
  /** The files of the set, by name, of the downloaded parts in order. */
  unpack(parts: Uint8Array[]): Map<string, Uint8Array | string>;
}

export interface DataOptions {
  /** The folder of all sets; default: `VICINAL_DATA`. Without it the cache is used, and filled. */
  folder?: string;
  /** Default `~/.cache/vicinal/data`. */
  cache?: string;
  signal?: AbortSignal;
}

/** The folder of the set of that name, downloaded if it is nowhere. */
export async function dataFolder(
  name: string,
  download: Download,
  options: DataOptions = {},
): Promise<string> {
  const { folder = process.env.VICINAL_DATA } = options;
  if (folder) {
    const given = join(folder, name);
    if (await exists(given)) return given;
    throw new Error(`${folder} has no folder ${name}: leave VICINAL_DATA out to download it`);
  }
  const cached = join(options.cache ?? join(homedir(), ".cache/vicinal/data"), name);
  if (!(await exists(cached))) await fill(cached, name, download, options.signal);
  return cached;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** All of the set or nothing: it gets its name when it is whole. */
async function fill(
  folder: string,
  name: string,
  { urls, licence, unpack }: Download,
  signal?: AbortSignal,
): Promise<void> {
  console.error(`downloading ${name} from ${new URL(urls[0]).host}: ${licence}`);
  const bar = progress(name);
  const parts: Uint8Array[] = [];
  for (const [i, url] of urls.entries())
    parts.push(await get(url, signal, (share) => bar.update(i + share, urls.length)));
  const partial = `${folder}.${process.pid}.part`;
  await mkdir(partial, { recursive: true });
  try {
    for (const [file, content] of unpack(parts)) {
      await mkdir(dirname(join(partial, file)), { recursive: true });
      await writeFile(join(partial, file), content);
    }
    await rename(partial, folder);
  } catch (reason) {
    await rm(partial, { recursive: true, force: true });
    throw reason;
  }
  bar.end(folder);
}

async function get(
  url: string,
  signal: AbortSignal | undefined,
  onShare: (share: number) => void,
): Promise<Uint8Array> {
  const answer = await fetch(url, { signal }).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw new Error(`${url} cannot be reached; put the data into a folder and name it in VICINAL_DATA`, {
      cause,
    });
  });
  if (!answer.ok || !answer.body) throw new Error(`${url} answers ${answer.status} ${answer.statusText}`);
  const total = Number(answer.headers.get("content-length") ?? 0);
  const chunks: Uint8Array[] = [];
  let received = 0;
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    received += chunk.length;
    if (total > 0) onShare(received / total);
  }
  if (total > 0 && received < total && !answer.headers.has("content-encoding"))
    throw new Error(`${url} broke off after ${received} of ${total} bytes`);
  return Buffer.concat(chunks);
}
