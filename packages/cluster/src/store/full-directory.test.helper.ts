/** A directory on a disk that is full for a while: nothing is created, nothing appended. */
import { type Directory, type FileWriter, VicinalError } from "vicinal/shard";

export class FullDisk {
  isFull = false;
  /** Writes that were refused. */
  refused = 0;

  over(inner: Directory): Directory {
    const check = (path: string) => {
      if (!this.isFull) return;
      this.refused++;
      throw new VicinalError("DISK_FULL", `No room left on the disk to write ${path}`, { path });
    };
    const checked = (path: string, writer: FileWriter): FileWriter => ({
      get length() {
        return writer.length;
      },
      append: async (bytes) => {
        check(path);
        await writer.append(bytes);
      },
      sync: () => writer.sync(),
      close: () => writer.close(),
    });
    return new Proxy(inner, {
      get: (target, name) => {
        if (name === "create")
          return async (path: string) => {
            check(path);
            return checked(path, await target.create(path));
          };
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  }
}
