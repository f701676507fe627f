/** An ObjectStore in this process's memory, for tests and trials: nothing survives it. */
import { endsEarly, fileNotFound } from "vicinal/shard";
import { checkKey } from "./keys.js";
import type { ObjectStore } from "./object-store.js";

export class MemoryStore implements ObjectStore {
  readonly objects = new Map<string, Uint8Array>();

  constructor(readonly location = "memory:") {}

  async put(key: string, bytes: Uint8Array): Promise<void> {
    checkKey(key);
    this.objects.set(key, bytes.slice());
  }

  async get(key: string, range?: { offset: number; length: number }): Promise<Uint8Array> {
    checkKey(key);
    const bytes = this.objects.get(key);
    if (!bytes) throw fileNotFound(`${this.location}/${key}`);
    const { offset, length } = range ?? { offset: 0, length: bytes.length };
    if (offset + length > bytes.length)
      throw endsEarly(`${this.location}/${key}`, offset, length, bytes.length);
    return bytes.slice(offset, offset + length);
  }

  async *list(prefix: string): AsyncIterable<{ key: string; size: number }> {
    for (const key of [...this.objects.keys()].sort())
      if (key.startsWith(prefix)) yield { key, size: this.objects.get(key)?.length ?? 0 };
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    this.objects.delete(key);
  }

  async close(): Promise<void> {}
}
