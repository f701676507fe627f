/**
 * One writer per folder: each opener listens on a socket of its own in the folder, `lock-<pid>-<random>`, and asks
 * the sockets of the others. A process that dies, however it dies, stops listening, so what cannot be connected
 * to is stale. Nothing that might belong to somebody else is ever taken over by name, since names are not reused.
 *
 * Who wins: a holder, else the contender whose name comes first. Every contender listens before it looks, so of
 * two at least one sees the other; one that sees only later names must wait until those have given up or hold
 * (they may have looked before it listened). Waiting goes from earlier to later names only, hence it ends.
 * Stale sockets are deleted only by a holder, and a contender finally checks that its own is still there: it could
 * have been taken for stale in the moment between its bind and its listen.
 *
 * Where a socket's path would be too long for the system (about 100 bytes), or the file system has no sockets, they
 * are in a folder of the system's temporary folder, named by a hash of the real path; processes with different
 * temporary folders then do not see each other. Windows has named pipes, which are exclusive and never stale.
 */
import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { VicinalError } from "../../runtime/errors.js";
import type { FolderLock } from "../../storage/lock.js";
import { errorCode, fileError, folderError } from "./file-errors.js";

/** macOS allows 104 bytes with the final zero, Linux 108. */
const SOCKET_PATH_BYTES_MAX = 100;
/** A holder may be busy, or stopped; it holds the lock all the same. */
const ANSWER_TIMEOUT_MS = 2_000;
const CONTENDER_POLL_MS = 5;
const NAME_PATTERN = /^lock-(\d+)-[0-9a-f]{12}$/;

interface Answer {
  readonly pid: number | undefined;
  readonly holding: boolean;
}

/**
 * Locks the folder at `path`, made if absent, for this process. FOLDER_IN_USE names the holder's process,
 * FOLDER_NOT_WRITABLE the reason. The lock does not keep the process running.
 */
export async function lockFolder(path: string): Promise<FolderLock> {
  const folder = await makeFolder(resolve(path));
  if (process.platform === "win32") return lockByPipe(folder);
  if (Buffer.byteLength(join(folder, newSocketName())) <= SOCKET_PATH_BYTES_MAX) {
    try {
      return await lockBySockets(folder, folder);
    } catch (error) {
      if (!isWithoutSockets(error)) throw fileError(error, "write", folder);
    }
  }
  const elsewhere = await makeFolder(join(tmpdir(), `vicinal-${hashOf(folder)}`));
  try {
    return await lockBySockets(folder, elsewhere);
  } catch (error) {
    throw fileError(error, "write", elsewhere);
  }
}

/** The real path of the folder, made if absent, which can be written when this returns. FOLDER_NOT_WRITABLE says why not. */
export async function makeFolder(path: string): Promise<string> {
  try {
    await makeFolders(path);
    await fs.access(path, fs.constants.W_OK | fs.constants.X_OK);
    return await fs.realpath(path);
  } catch (error) {
    throw folderError(error, path);
  }
}

/** As `mkdir` with `recursive`, which never ends where the system refuses new folders with ENOENT, as in `/proc`. */
async function makeFolders(path: string): Promise<void> {
  try {
    await fs.mkdir(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT" && dirname(path) !== path) {
      await makeFolders(dirname(path));
      await fs.mkdir(path).catch(ignoreFolder(path));
    } else await ignoreFolder(path)(error);
  }
}

/** Passes over a failure to make a folder that is there. */
function ignoreFolder(path: string): (error: unknown) => Promise<void> {
  return async (error) => {
    const isFolder = await fs.stat(path).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    if (!isFolder) throw error;
  };
}

function newSocketName(): string {
  return `lock-${process.pid}-${randomBytes(6).toString("hex")}`;
}

async function lockBySockets(folder: string, socketFolder: string): Promise<FolderLock> {
  for (;;) {
    const name = newSocketName();
    const claim = await listen(join(socketFolder, name)).catch((error: unknown) => {
      if (errorCode(error) !== "ENOENT") throw error;
    });
    // Taken for stale and deleted before it listened.
    if (claim === undefined) continue;
    try {
      const stale = await outlast(folder, socketFolder, name);
      claim.holding = true;
      for (const path of stale) await fs.rm(path, { force: true });
      if (await isThere(join(socketFolder, name))) return claim;
      await claim.release();
    } catch (error) {
      await claim.release();
      throw error;
    }
  }
}

/** Returns the paths of stale sockets when no other can have the lock; FOLDER_IN_USE when another has or gets it. */
async function outlast(folder: string, socketFolder: string, ownName: string): Promise<string[]> {
  const stale: string[] = [];
  for (const name of await fs.readdir(socketFolder)) {
    const match = NAME_PATTERN.exec(name);
    if (match === null || name === ownName) continue;
    const path = join(socketFolder, name);
    for (;;) {
      const answer = await ask(path);
      if (answer === undefined) {
        stale.push(path);
        break;
      }
      if (answer.holding || name < ownName) throw inUse(folder, answer.pid ?? Number(match[1]));
      await sleep(CONTENDER_POLL_MS);
    }
  }
  return stale;
}

async function lockByPipe(folder: string): Promise<FolderLock> {
  const pipe = `\\\\.\\pipe\\vicinal-${hashOf(folder.toLowerCase())}`;
  try {
    const claim = await listen(pipe);
    claim.holding = true;
    return claim;
  } catch (error) {
    if (errorCode(error) !== "EADDRINUSE") throw error;
    throw inUse(folder, (await ask(pipe))?.pid);
  }
}

class Claim implements FolderLock {
  holding = false;
  private readonly server: net.Server;

  constructor() {
    this.server = net.createServer((socket) => {
      socket.on("error", () => {});
      socket.unref();
      // Not waiting for the other end: a stopped asker must not hold up the release.
      socket.end(JSON.stringify({ pid: process.pid, holding: this.holding }), () => socket.destroy());
    });
    this.server.unref();
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen({ path, readableAll: true, writableAll: true }, resolve);
    });
  }

  /** Node deletes the socket's file. */
  release(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
    });
  }
}

async function listen(path: string): Promise<Claim> {
  const claim = new Claim();
  await claim.listen(path);
  return claim;
}

/** Undefined when nobody listens at `path`. One that listens but does not answer is taken for a holder. */
function ask(path: string): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const socket = net.connect(path);
    const done = (answer: Answer | undefined) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => done({ pid: undefined, holding: true }));
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("end", () => done(parseAnswer(text)));
    socket.on("error", (error) => {
      const isGone = ["ECONNREFUSED", "ENOENT", "ECONNRESET", "EPIPE"].includes(errorCode(error) ?? "");
      done(isGone ? undefined : { pid: undefined, holding: true });
    });
  });
}

/** Undefined for an answer that broke off: its process ended while it spoke. */
function parseAnswer(text: string): Answer | undefined {
  try {
    const { pid, holding } = JSON.parse(text);
    return { pid: Number(pid), holding: holding === true };
  } catch {
    return undefined;
  }
}

function inUse(folder: string, pid: number | undefined): VicinalError {
  const holder =
    pid === undefined ? "another process" : pid === process.pid ? "this process" : `process ${pid}`;
  return new VicinalError("FOLDER_IN_USE", `The data folder ${folder} is in use by ${holder}`, {
    path: folder,
    pid,
  });
}

/** File systems that cannot hold sockets say so in several ways. */
function isWithoutSockets(error: unknown): boolean {
  return ["EPERM", "ENOTSUP", "EOPNOTSUPP", "EINVAL", "ENOSYS"].includes(errorCode(error) ?? "");
}

async function isThere(path: string): Promise<boolean> {
  return fs.access(path).then(
    () => true,
    () => false,
  );
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
