/** A disk in memory that gets full. */
import { VicinalError } from "../runtime/errors.js";
import type { Directory, FileWriter } from "../storage/directory.js";
import { MemoryDirectory } from "../storage/memory-directory.js";

interface Disk {
  capacity: number;
  used: number;
  /** Whether it tells how much is free. */
  tells: boolean;
}

export class LimitedDisk implements Directory {
  readonly location: string;

  private constructor(
    readonly disk: Disk,
    private readonly dir: Directory,
  ) {
    this.location = dir.location;
  }

  static empty(tells = true): LimitedDisk {
    return new LimitedDisk({ capacity: Number.POSITIVE_INFINITY, used: 0, tells }, MemoryDirectory.empty());
  }

  folder(path: string): LimitedDisk {
    return new LimitedDisk(this.disk, this.dir.folder(path));
  }
  list = () => this.dir.list();
  size = (path: string) => this.dir.size(path);
  read = (path: string, offset: number, length: number) => this.dir.read(path, offset, length);
  readInto = (path: string, offset: number, target: Uint8Array) => this.dir.readInto(path, offset, target);
  close = () => this.dir.close();

  async space(): Promise<{ free: number; total: number } | undefined> {
    const { capacity, used, tells } = this.disk;
    return tells ? { free: Math.max(0, capacity - used), total: capacity } : undefined;
  }

  async create(path: string): Promise<FileWriter> {
    return this.#limited(await this.dir.create(path), path);
  }

  async reopen(path: string, length: number): Promise<FileWriter> {
    const size = (await this.dir.size(path)) ?? 0;
    const writer = await this.dir.reopen(path, length);
    this.disk.used -= size - length;
    return this.#limited(writer, path);
  }

  async delete(path: string): Promise<void> {
    const size = (await this.dir.size(path)) ?? 0;
    await this.dir.delete(path);
    this.disk.used -= size;
  }

  #limited(writer: FileWriter, path: string): FileWriter {
    const { disk } = this;
    return {
      get length() {
        return writer.length;
      },
      async append(bytes) {
        if (disk.used + bytes.length > disk.capacity)
          throw new VicinalError("DISK_FULL", `No room left on the disk to write ${path}`, { path });
        await writer.append(bytes);
        disk.used += bytes.length;
      },
      sync: () => writer.sync(),
      close: () => writer.close(),
    };
  }
}
