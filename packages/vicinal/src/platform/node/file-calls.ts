/** Node's file calls as promises over plain descriptors: cheaper than FileHandle, and complete or failed, never short. */
import fs from "node:fs";
import { promisify } from "node:util";

export const openFile = promisify(fs.open);
export const closeFile = promisify(fs.close);
export const syncFile = promisify(fs.fsync);
export const syncFileData = promisify(fs.fdatasync);
export const cutFile = promisify(fs.ftruncate);
export const statFile = promisify(fs.fstat);

/** The system's limit of one call is 2 GiB less a page; half of it keeps everything aligned. */
const CALL_BYTES_MAX = 2 ** 30;

/** Reads until `target` is full or the file ends; returns the count of bytes read. `target` may be shared memory. */
export async function readFully(fd: number, target: Uint8Array, offset: number): Promise<number> {
  let done = 0;
  while (done < target.length) {
    const count = await readSome(fd, target, done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** As `readFully`, before it returns. */
export function readFullyNow(fd: number, target: Uint8Array, offset: number): number {
  let done = 0;
  while (done < target.length) {
    const length = Math.min(target.length - done, CALL_BYTES_MAX);
    const count = fs.readSync(fd, target, done, length, offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

export const openFileNow = fs.openSync;
export const closeFileNow = fs.closeSync;

export async function writeFully(fd: number, source: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < source.length; ) done += await writeSome(fd, source, done, offset + done);
}

function readSome(fd: number, target: Uint8Array, start: number, offset: number): Promise<number> {
  const length = Math.min(target.length - start, CALL_BYTES_MAX);
  return new Promise((resolve, reject) => {
    fs.read(fd, target, start, length, offset, (error, count) => (error ? reject(error) : resolve(count)));
  });
}

function writeSome(fd: number, source: Uint8Array, start: number, offset: number): Promise<number> {
  const length = Math.min(source.length - start, CALL_BYTES_MAX);
  return new Promise((resolve, reject) => {
    fs.write(fd, source, start, length, offset, (error, count) => (error ? reject(error) : resolve(count)));
  });
}
