/**
 * A view of a directory that changes nothing, for who looks at a folder that may be another's. What opening would cut,
 * sync or delete stays as it is; only making a file is refused, since its maker would build on it.
 */
import { VicinalError } from "../runtime/errors.js";
import type { Directory, FileWriter } from "./directory.js";

export function readOnly(dir: Directory): Directory {
  return {
    location: dir.location,
    folder: (path) => readOnly(dir.folder(path)),
    list: () => dir.list(),
    size: (path) => dir.size(path),
    read: (path, offset, length) => dir.read(path, offset, length),
    readInto: (path, offset, target) => dir.readInto(path, offset, target),
    create: async (path) => {
      throw new VicinalError("FOLDER_NOT_WRITABLE", `${dir.location}/${path}: the folder is only being read`);
    },
    reopen: async (_path, length) => idleWriter(length),
    delete: async () => {},
    close: () => dir.close(),
  };
}

function idleWriter(length: number): FileWriter {
  return { length, append: async () => {}, sync: async () => {}, close: async () => {} };
}
