/** Checks of blobs: which files points name once the log is applied, and whether each holds what its name says. */
import type { PointId } from "../../payload/id.js";
import { throwIfCancelled } from "../../runtime/cancel.js";
import { VicinalError } from "../../runtime/errors.js";
import type { Directory } from "../../storage/directory.js";
import { readOnly } from "../../storage/read-only.js";
import { type BlobRef, changedRefs, decodeRefs } from "../blob-refs.js";
import { BlobStore, pathOf } from "../blob-store.js";
import type { Effect } from "../effects.js";
import type { CheckOptions } from "./check-segment.js";
import { type Fault, faultOf } from "./faults.js";

/** What a point says of its blobs, by the write of that number. */
export interface Said {
  version: number;
  refs: Uint8Array | undefined;
}

/** What points say of their blobs after the effects of the log, as replay would have it. */
export class NamedBlobs {
  /** What segments say of a point. */
  readonly #stored: (id: PointId) => Said | undefined;
  /** Of points with blobs, and of those that the log changes. */
  readonly #said = new Map<PointId, Said>();

  constructor(stored: (id: PointId) => Said | undefined) {
    this.#stored = stored;
  }

  add(id: PointId, said: Said): void {
    this.#said.set(id, said);
  }

  apply(effects: readonly Effect[], sequence: number): void {
    for (const effect of effects) {
      if (effect.kind === "upsert")
        for (const { id, blobs } of effect.points) this.#set(id, sequence, () => blobs);
      else if (effect.kind === "delete")
        for (const id of effect.ids) this.#set(id, sequence, () => undefined);
      else if (effect.kind === "blob")
        this.#set(effect.id, sequence, (before) => changedRefs(before, effect));
    }
  }

  #set(
    id: PointId,
    sequence: number,
    change: (before: Uint8Array | undefined) => Uint8Array | undefined,
  ): void {
    const before = this.#said.get(id) ?? this.#stored(id);
    if ((before?.version ?? 0) > sequence) return;
    this.#said.set(id, { version: sequence, refs: change(before?.refs) });
  }

  /** By file. */
  files(): Map<string, BlobRef> {
    const files = new Map<string, BlobRef>();
    for (const { refs } of this.#said.values())
      if (refs)
        for (const ref of Object.values(decodeRefs(refs))) files.set(`blobs/${pathOf(ref.sha256)}`, ref);
    return files;
  }
}

export async function checkBlobs(
  dir: Directory,
  files: ReadonlyMap<string, BlobRef>,
  { signal, onBytes }: CheckOptions,
): Promise<Fault[]> {
  const faults: Fault[] = [];
  const store = new BlobStore(readOnly(dir.folder("blobs")));
  for (const [path, ref] of files) {
    try {
      const size = await dir.size(path);
      if (size !== undefined && size !== ref.size)
        faults.push({ file: path, offset: 0, what: "size", expected: ref.size, actual: size, role: "data" });
      else
        for await (const { length } of store.read(ref)) {
          throwIfCancelled(signal);
          onBytes?.(length);
        }
    } catch (reason) {
      if (reason instanceof VicinalError && reason.code === "CANCELLED") throw reason;
      faults.push(faultOf(reason, path, "data"));
    }
  }
  return faults;
}
