/**
 * A Directory that is a folder of the file system.
 *
 * Durability: `sync` is fdatasync of the file, and before a file's first sync ends, fsync of every folder from
 * the file's own up to the file system's root in which a name on the path is not known to be durable. Windows cannot
 * sync folders and journals names itself.
 */
import fs from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { assert } from "../../runtime/assert.js";
import type { Directory, FileWriter } from "../../storage/directory.js";
import { endsEarly } from "../../storage/faults.js";
import { checkPath, isPathPart, joinPath } from "../../storage/paths.js";
import {
  closeFile,
  cutFile,
  openFile,
  readFully,
  readFullyNow,
  statFile,
  syncFile,
  syncFileData,
  writeFully,
} from "./file-calls.js";
import { errorCode, type FileAction, fileError } from "./file-errors.js";
import { ReadHandles } from "./read-handles.js";

const CREATE_ATTEMPTS = 100;

/** What all views of one root share. */
interface Root {
  /** Absolute path of the folder. */
  readonly path: string;
  readonly handles: ReadHandles;
  /** Absolute paths of folders whose own name is durable. */
  readonly durableFolders: Set<string>;
}

export class NodeDirectory implements Directory {
  readonly location: string;

  private constructor(
    private readonly root: Root,
    private readonly prefix: string,
  ) {
    this.location = prefix === "" ? root.path : `${root.path}/${prefix}`;
  }

  /** The folder at `path`, which need not exist yet: the first `create` makes it. */
  static at(path: string): NodeDirectory {
    return new NodeDirectory(
      { path: resolve(path), handles: new ReadHandles(), durableFolders: new Set() },
      "",
    );
  }

  folder(path: string): NodeDirectory {
    checkPath(path);
    return new NodeDirectory(this.root, joinPath(this.prefix, path));
  }

  async list(): Promise<string[]> {
    const paths: string[] = [];
    await this.attempt("list", "", () => listFiles(join(this.root.path, this.prefix), "", paths));
    return paths.sort();
  }

  async size(path: string): Promise<number | undefined> {
    const file = this.absolute(path);
    return this.attempt("read", path, async () => {
      try {
        return (await fs.stat(file)).size;
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    });
  }

  async read(path: string, offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    await this.readInto(path, offset, bytes);
    return bytes;
  }

  async readInto(path: string, offset: number, target: Uint8Array): Promise<void> {
    const file = this.absolute(path);
    await this.attempt("read", path, () =>
      this.root.handles.use(file, async (fd) => {
        const count = await readFully(fd, target, offset);
        if (count < target.length)
          throw endsEarly(`${this.location}/${path}`, offset, target.length, (await statFile(fd)).size);
      }),
    );
  }

  readNow(path: string, offset: number, target: Uint8Array): void {
    const file = this.absolute(path);
    let count = 0;
    try {
      count = this.root.handles.useNow(file, (fd) => readFullyNow(fd, target, offset));
    } catch (error) {
      throw fileError(error, "read", `${this.location}/${path}`);
    }
    if (count < target.length)
      throw endsEarly(`${this.location}/${path}`, offset, target.length, offset + count);
  }

  async create(path: string): Promise<FileWriter> {
    const file = this.absolute(path);
    return this.attempt("create", path, async () => {
      return new NodeFileWriter(await createFile(file, this.root), file, this.root, 0);
    });
  }

  async reopen(path: string, length: number, anew = false): Promise<FileWriter> {
    const file = this.absolute(path);
    return this.attempt("write", path, async () => {
      const fd = await openFile(file, "r+");
      try {
        const { size } = await statFile(fd);
        if (length > size) throw endsEarly(`${this.location}/${path}`, 0, length, size);
        if (length < size) await cutFile(fd, length);
        if (anew) await writeAnew(fd, length);
      } catch (error) {
        await closeFile(fd);
        throw error;
      }
      return new NodeFileWriter(fd, file, this.root, length);
    });
  }

  async delete(path: string): Promise<void> {
    const file = this.absolute(path);
    await this.attempt("delete", path, async () => {
      await this.root.handles.drop(file);
      try {
        await fs.unlink(file);
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
      await deleteEmptyFolders(dirname(file), this.root);
    });
  }

  /** Of the file system on which the folder lies, or will: those above it may be all that there is yet. */
  async space(): Promise<{ free: number; total: number } | undefined> {
    for (let folder = join(this.root.path, this.prefix); ; folder = dirname(folder)) {
      try {
        const { bavail, blocks, bsize } = await fs.statfs(folder);
        return { free: bavail * bsize, total: blocks * bsize };
      } catch (error) {
        if (!isAbsent(error) || folder === dirname(folder)) return undefined;
      }
    }
  }

  async close(): Promise<void> {
    if (this.prefix === "") await this.root.handles.close();
  }

  private absolute(path: string): string {
    checkPath(path);
    return join(this.root.path, this.prefix, path);
  }

  private async attempt<T>(action: FileAction, path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw fileError(error, action, path === "" ? this.location : `${this.location}/${path}`);
    }
  }
}

class NodeFileWriter implements FileWriter {
  private nameDurable = false;
  private open = true;

  constructor(
    private readonly fd: number,
    private readonly file: string,
    private readonly root: Root,
    public length: number,
  ) {}

  async append(bytes: Uint8Array): Promise<void> {
    assert(this.open, "a closed file is not appended to");
    try {
      await writeFully(this.fd, bytes, this.length);
      this.length += bytes.length;
    } catch (error) {
      throw fileError(error, "write", this.file);
    }
  }

  async sync(): Promise<void> {
    assert(this.open, "a closed file is not synced");
    try {
      await syncFileData(this.fd);
      if (!this.nameDurable) await syncNames(this.file, this.root);
      this.nameDurable = true;
    } catch (error) {
      throw fileError(error, "sync", this.file);
    }
  }

  async close(): Promise<void> {
    if (!this.open) return;
    this.open = false;
    await closeFile(this.fd);
  }
}

/** Makes the folder and the file; again when a delete took the folder away in between. */
async function createFile(file: string, root: Root): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      const firstMade = await fs.mkdir(dirname(file), { recursive: true });
      if (firstMade !== undefined) {
        for (let folder = dirname(file); folder.length >= firstMade.length; folder = dirname(folder)) {
          root.durableFolders.delete(folder);
        }
      }
      return await openFile(file, "wx");
    } catch (error) {
      if (errorCode(error) !== "ENOENT" || attempt === CREATE_ATTEMPTS) throw error;
    }
  }
}

/** A Directory has no folders of its own: one without files is clutter, which every listing would walk through. */
async function deleteEmptyFolders(folder: string, root: Root): Promise<void> {
  try {
    for (; folder.length > root.path.length; folder = dirname(folder)) await fs.rmdir(folder);
  } catch {
    // Not empty, as most: it stays, and so do those above.
  }
}

async function syncNames(file: string, root: Root): Promise<void> {
  if (process.platform === "win32") return;
  await syncFolder(dirname(file));
  for (let folder = dirname(file); !root.durableFolders.has(folder); folder = dirname(folder)) {
    await (folder.length > root.path.length
      ? syncFolder(dirname(folder))
      : syncForeignFolder(dirname(folder)));
    root.durableFolders.add(folder);
  }
}

/** One above the root, which this process may have made, or may have no right to: then others made it. */
async function syncForeignFolder(folder: string): Promise<void> {
  try {
    await syncFolder(folder);
  } catch (error) {
    if (!["EACCES", "EPERM", "EROFS", "EINVAL"].includes(errorCode(error) ?? "")) throw error;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const fd = await openFile(folder, "r");
  try {
    await syncFile(fd);
  } finally {
    await closeFile(fd);
  }
}

/** Adds the paths of the files below `folder`; what a Directory cannot name (sockets, foreign names) is not there. */
async function listFiles(folder: string, prefix: string, paths: string[]): Promise<void> {
  let entries: Awaited<ReturnType<typeof readEntries>>;
  try {
    entries = await readEntries(folder);
  } catch (error) {
    if (isAbsent(error)) return;
    throw error;
  }
  for (const entry of entries) {
    if (!isPathPart(entry.name)) continue;
    const path = joinPath(prefix, entry.name);
    if (entry.isDirectory()) await listFiles(`${folder}${sep}${entry.name}`, path, paths);
    else if (entry.isFile()) paths.push(path);
  }
}

function readEntries(folder: string) {
  return fs.readdir(folder, { withFileTypes: true });
}

function isAbsent(error: unknown): boolean {
  const code = errorCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** Bytes that are read and written at a time. */
const ANEW_BYTES = 2 ** 20;

/** Writes what is there in its own place: to the system these pages are to be written then, whatever became of them before. */
async function writeAnew(fd: number, length: number): Promise<void> {
  for (let offset = 0; offset < length; offset += ANEW_BYTES) {
    const bytes = new Uint8Array(Math.min(ANEW_BYTES, length - offset));
    await readFully(fd, bytes, offset);
    await writeFully(fd, bytes, offset);
  }
}
