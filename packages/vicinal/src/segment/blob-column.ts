/**
 * What the rows of a segment say of their blobs (see blob-refs.ts), for segments in which some row has one. It is kept and saved
 * as payloads are, under names of its own.
 */
import type { SavedSections, SectionSource } from "../payload/sections.js";
import { PayloadStore } from "../payload/store.js";

const NONE = new Uint8Array(0);

export class BlobColumn {
  #store = new PayloadStore();

  /** Undefined for a row without blobs. */
  of(row: number): Uint8Array | undefined {
    return row < this.#store.rowCount && this.#store.has(row) ? this.#store.bytes(row) : undefined;
  }

  set(row: number, refs: Uint8Array | undefined): void {
    this.#reach(row);
    if (refs || this.#store.has(row)) this.#store.replace(row, refs ?? NONE);
  }

  /** Rows without blobs are there once one behind them has some. */
  #reach(row: number): void {
    while (this.#store.rowCount <= row) this.#store.append(NONE);
  }

  /** Of these rows, ascending, as they are now. */
  save(rows: Uint32Array): SavedSections {
    if (rows.length > 0) this.#reach(rows[rows.length - 1]);
    const { meta, sections } = this.#store.save(rows);
    return {
      meta: { blobs: meta },
      sections: sections.map((section) => ({ ...section, name: saved(section.name) })),
    };
  }

  /** Puts back what `save` gave of these rows. */
  async restore(source: SectionSource, rows: Uint32Array): Promise<void> {
    const store = await PayloadStore.load({
      meta: source.meta.blobs as Record<string, unknown>,
      length: (name) => source.length(saved(name)),
      read: (name, offset, length) => source.read(saved(name), offset, length),
    });
    rows.forEach((row, i) => {
      this.set(row, store.has(i) ? store.bytes(i) : undefined);
    });
  }

  memoryBytes(): number {
    return this.#store.memoryBytes();
  }
}

/** Whether such a file says something of blobs. */
export function hasBlobs(source: { meta: Record<string, unknown> }): boolean {
  return source.meta.blobs !== undefined;
}

function saved(name: string): string {
  return name.replace("payload.", "blobs.");
}
