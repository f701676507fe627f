/** A shard's pointer to its newest manifest, in etcd: only the shard's owner can change it. */
import { VicinalError } from "vicinal/shard";
import type { Etcd } from "../etcd/etcd.js";
import { keys } from "../log/keys.js";
import type { Pointer } from "../store/pointer.js";

export class EtcdPointer implements Pointer {
  readonly #etcd: Etcd;
  readonly #shard: string;
  readonly #owner: number | undefined;

  /** @param owner Creation of the owner's key; without it the pointer can only be read. */
  constructor(etcd: Etcd, shard: string, owner?: number) {
    this.#etcd = etcd;
    this.#shard = shard;
    this.#owner = owner;
  }

  async read(): Promise<{ value: string; revision: string } | undefined> {
    const entry = await this.#etcd.get(keys.manifest(this.#shard));
    return entry && { value: entry.value, revision: String(entry.changed) };
  }

  async swap(revision: string | undefined, value: string): Promise<string> {
    const key = keys.manifest(this.#shard);
    if (this.#owner === undefined) throw this.#fenced("it is only read here");
    const answer = await this.#etcd.settle(
      [
        { key: keys.owner(this.#shard), created: this.#owner },
        revision === undefined ? { key, absent: true } : { key, changed: Number(revision) },
      ],
      [{ put: key, value }],
      [key, keys.owner(this.#shard)],
    );
    if (answer.done) return String(answer.revision);
    const [found, owner] = answer.found;
    // Of a first try whose answer was lost.
    if (found?.value === value && owner?.created === this.#owner) return String(found.changed);
    throw this.#fenced(`its owner is ${owner?.value ?? "nobody"}`);
  }

  #fenced(why: string): VicinalError {
    return new VicinalError("FENCED", `The files of shard ${this.#shard} have another writer: ${why}`, {
      shard: this.#shard,
    });
  }
}
