/**
 * Open read descriptors, kept for reuse: opening costs more than reading a few kilobytes. Least recently used
 * ones are closed beyond a bound; one that is being read is closed when its last reader is done.
 */
import { VicinalError } from "../../runtime/errors.js";
import { closeFile, closeFileNow, openFile, openFileNow } from "./file-calls.js";

/** Far below the 256 descriptors that macOS grants a process by default. */
const OPEN_FILES_MAX = 64;

interface Handle {
  readonly opened: Promise<number>;
  /** Once it is open. */
  fd?: number;
  readers: number;
  /** No longer in the map: to be closed by its last reader. */
  dropped: boolean;
}

export class ReadHandles {
  /** In order of use, the least recent first. */
  private readonly handles = new Map<string, Handle>();
  private closed = false;

  /** Calls `read` with an open descriptor of `file`, an absolute path. */
  async use<T>(file: string, read: (fd: number) => Promise<T>): Promise<T> {
    if (this.closed) throw new VicinalError("CLOSED", `The folder of ${file} is closed`);
    const handle = this.take(file);
    try {
      return await read(await handle.opened);
    } finally {
      handle.readers--;
      this.release(handle);
    }
  }

  /** As `use`, of what is read before `read` returns. */
  useNow<T>(file: string, read: (fd: number) => T): T {
    if (this.closed) throw new VicinalError("CLOSED", `The folder of ${file} is closed`);
    const known = this.handles.get(file);
    if (!known) {
      const fd = openFileNow(file, "r");
      this.enter(file, { opened: Promise.resolve(fd), fd, readers: 0, dropped: false });
      return read(fd);
    }
    if (known.fd !== undefined) {
      this.enter(file, known);
      return read(known.fd);
    }
    // It is being opened: one for this call alone.
    const fd = openFileNow(file, "r");
    try {
      return read(fd);
    } finally {
      closeFileNow(fd);
    }
  }

  /** Forgets the descriptor of `file`, as is needed before deleting it on Windows. */
  async drop(file: string): Promise<void> {
    const handle = this.handles.get(file);
    if (handle === undefined) return;
    this.handles.delete(file);
    handle.dropped = true;
    await this.release(handle);
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.handles.keys()].map((file) => this.drop(file)));
  }

  private take(file: string): Handle {
    const known = this.handles.get(file);
    const handle: Handle = known ?? { opened: openFile(file, "r"), readers: 0, dropped: false };
    if (known === undefined) {
      handle.opened.then(
        (fd) => {
          handle.fd = fd;
        },
        () => {
          if (this.handles.get(file) === handle) this.handles.delete(file);
        },
      );
    }
    handle.readers++;
    this.enter(file, handle);
    return handle;
  }

  /** As the one that was used last. */
  private enter(file: string, handle: Handle): void {
    this.handles.delete(file);
    this.handles.set(file, handle);
    if (this.handles.size > OPEN_FILES_MAX) {
      const [eldest] = this.handles.keys();
      void this.drop(eldest);
    }
  }

  private async release(handle: Handle): Promise<void> {
    if (!handle.dropped || handle.readers > 0) return;
    // A file that could not be opened has nothing to close, and its readers were told.
    await handle.opened.then(closeFile).catch(() => {});
  }
}
