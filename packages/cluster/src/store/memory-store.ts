/** Objects in memory, for tests. */
import { corruption, VicinalError } from "vicinal/shard";
import type { ObjectStore } from "./object-store.js";

export class MemoryStore implements ObjectStore {
  readonly location = "memory:";
  readonly objects = new Map<string, Uint8Array>();

  async put(key: string, bytes: Uint8Array): Promise<void> {
    this.objects.set(key, bytes.slice());
  }

  async get(key: string, range?: { offset: number; length: number }): Promise<Uint8Array> {
    const bytes = this.objects.get(key);
    if (!bytes) throw new VicinalError("FILE_NOT_FOUND", `There is no object ${key}`, { path: key });
    if (!range) return bytes.slice();
    const end = range.offset + range.length;
    if (end > bytes.length) throw corruption(key, range.offset, end, bytes.length, "length of the object");
    return bytes.slice(range.offset, end);
  }

  async *list(prefix: string): AsyncIterable<{ key: string; size: number }> {
    for (const key of [...this.objects.keys()].sort())
      if (key.startsWith(prefix)) yield { key, size: (this.objects.get(key) as Uint8Array).length };
  }

  async delete(key: string): Promise<void> {
    this.objects.delete(key);
  }

  async close(): Promise<void> {}
}
