/**
 * CollectionState: the points of a collection in memory: the id map, the growing segment and the sealed ones.
 * `apply` publishes the effects of one log record; it is synchronous, so a reader on the same thread sees all of
 * a batch or none of it, and it is the same code for a fresh write and for replay.
 *
 * Replay may meet effects that the files already hold. A row's version is the sequence number of the last write
 * that touched it, and a replayed effect is passed over where the row is newer. The record that a row is from is applied again, whole.
 */
import type { IndexChoice } from "../index/choice.js";
import { VectorStore } from "../index/vector-store.js";
import type { FieldColumn } from "../payload/column.js";
import { createColumn } from "../payload/columns.js";
import type { PointId } from "../payload/id.js";
import { decodePayload, type JsonObject } from "../payload/json.js";
import { parsePath } from "../payload/path.js";
import { assert } from "../runtime/assert.js";
import type { Budget } from "../runtime/budget.js";
import type { KernelModule } from "../runtime/kernels.js";
import { ReadCache } from "../runtime/read-cache.js";
import type { Resources } from "../runtime/resources.js";
import { changedRefs, decodeRefs } from "./blob-refs.js";
import {
  bornAt,
  type CollectionConfig,
  changedConfig,
  choiceOf,
  type FieldSchema,
  type NewVector,
  vectorNames,
  withoutVector,
  withVector,
} from "./config.js";
import type { BlobEffect, Effect, PayloadEffect, StoredPoint } from "./effects.js";
import { IdKey } from "./id-column.js";
import { IdMap, MAX_SEGMENT_SLOTS } from "./id-map.js";
import { cacheBytes, choiceOnDisk, growingBytes, growingCapacity, multiCapacity } from "./memory-budget.js";
import { OperationWindow } from "./operation-window.js";
import { patchedPayload } from "./patched-payload.js";
import { Segment } from "./segment.js";
import { SparseColumn } from "./sparse-column.js";
import { VectorColumn } from "./vector-column.js";

/** What a `configure` effect holds: changed settings, and vectors that come or go. */
type ConfigChange = JsonObject & { added?: NewVector; dropped?: string };

/** Where a live point lies. */
export interface Place {
  segment: Segment;
  row: number;
}

export class CollectionState {
  config: CollectionConfig;
  /** Sequence number of the last effect applied. */
  sequence = 0;
  nextSegmentId: number;
  operations = new OperationWindow();
  /** Called after the growing segment was sealed. */
  onSealed: () => void = () => {};
  readonly #slots: (Segment | undefined)[] = [];
  readonly #ids = new IdMap((slot) => (this.#slots[slot] as Segment).ids);
  /** Segments whose rows are not entered in the id map yet, and how many rows of the first of them are. */
  readonly #unentered: Segment[] = [];
  #entered = 0;
  /** What `segments` answers, until it changes. */
  #published: Segment[] | undefined;
  #growing: Segment | undefined;
  /** No point expires before; milliseconds since 1970. */
  #nextExpiry = Number.POSITIVE_INFINITY;
  readonly #key = new IdKey();
  /** Bytes of blobs that points which went or changed have named since the last look at the blobs' files. */
  deadBlobBytes = 0;

  readonly kernels: KernelModule;
  /** What is shared with the other collections; undefined where a state stands alone. */
  readonly resources: Resources | undefined;
  /** Whether segments have files. */
  canSpill = false;
  /** Whether the memory budget does not suffice for vectors in memory. Stays so: what is on disk is not read back. */
  spilled = false;
  readonly #uncount: (() => void) | undefined;
  /** By name of the vector: what was read of its files lately, in all segments together. */
  readonly #caches = new Map<string, ReadCache>();

  constructor(config: CollectionConfig, nextSegmentId: number, kernels: KernelModule, resources?: Resources) {
    this.kernels = kernels;
    this.resources = resources;
    this.config = config;
    this.nextSegmentId = nextSegmentId;
    this.#uncount = this.budget?.count(() => this.heldBytes());
  }

  /** Of the database; undefined where it has none. */
  get budget(): Budget | undefined {
    return this.resources?.budget;
  }

  /** The index that a vector should have: the configured one, or one on disk once memory does not suffice. */
  choiceOf(name: string): IndexChoice {
    return (this.spilled && choiceOnDisk(this.config, name)) || choiceOf(this.config, name);
  }

  /** From here on vectors are served from files, if the database holds so much that they had better be. */
  considerSpilling(): void {
    const { budget } = this;
    if (budget && this.canSpill && !this.spilled) this.spilled = budget.heldBytes() > budget.spillBytes;
  }

  /** Bytes in memory of all segments and the id map, without caches. */
  heldBytes(): number {
    let bytes = this.memoryBytes();
    for (const segment of this.#all()) {
      const { ids, payloads, fields, vectors, indexes } = segment.memoryBytes();
      bytes += ids + payloads + fields + vectors + indexes;
    }
    return bytes;
  }

  readCache(name: string): ReadCache {
    if (this.budget) return this.budget.postings;
    let cache = this.#caches.get(name);
    if (!cache) {
      cache = new ReadCache(cacheBytes(this.config, name));
      this.#caches.set(name, cache);
    }
    return cache;
  }

  /** What keeps payloads that were read from their files; undefined where payloads are kept in memory. */
  get payloadCache(): ReadCache | undefined {
    const onDisk = this.resources?.budget !== undefined || this.config.other.on_disk_payload === true;
    return onDisk ? this.resources?.payloads : undefined;
  }

  get pointCount(): number {
    if (this.#unentered.length === 0) return this.#ids.count;
    return this.segments().reduce((sum, { liveCount }) => sum + liveCount, 0);
  }

  get growing(): Segment | undefined {
    return this.#growing;
  }

  /** All segments that hold the collection's points, oldest first; the target of a running merge is none of them. */
  segments(): readonly Segment[] {
    this.#published ??= this.#all().filter((segment) => segment.published);
    return this.#published;
  }

  /** Lets searches see the segment that a merge has filled. */
  publish(segment: Segment): void {
    segment.published = true;
    this.#published = undefined;
    this.#awaitExpiry(segment);
  }

  #all(): Segment[] {
    return this.#slots.filter((segment) => segment !== undefined).sort((a, b) => a.id - b.id);
  }

  sealedSegments(): Segment[] {
    return this.segments().filter((segment) => segment.sealed);
  }

  find(id: PointId): Place | undefined {
    return this.#map.find(this.#key.set(id)) ? this.#found() : undefined;
  }

  #found(): Place {
    return { segment: this.#slots[this.#map.slot] as Segment, row: this.#map.row };
  }

  /**
   * An empty segment with a slot of its own; not yet part of the collection's data.
   * @param bulk Nobody searches it while it is filled: its indexes are built afterwards.
   */
  createSegment(capacity: number, id = this.nextSegmentId++, bulk = false): Segment {
    let slot = this.#slots.indexOf(undefined);
    if (slot < 0) slot = this.#slots.length;
    assert(slot < MAX_SEGMENT_SLOTS, "a collection has fewer than 65,535 segments");
    const segment = new Segment(slot, id, capacity);
    for (const name of vectorNames(this.config)) segment.add(this.#columnOf(name, capacity, bulk));
    for (const [path, schema] of Object.entries(this.config.fields))
      segment.fields.set(path, createColumn(schema, parsePath(path)));
    return segment;
  }

  #columnOf(name: string, capacity: number, bulk: boolean): VectorColumn | SparseColumn {
    const born = bornAt(this.config, name);
    if (!Object.hasOwn(this.config.vectors, name)) return new SparseColumn(name, this.kernels, bulk, born);
    const { size, distance, multi } = this.config.vectors[name];
    const store = VectorStore.createWith(this.kernels, {
      dimensions: size,
      metric: distance,
      capacity: multi ? multiCapacity(size) : capacity,
    });
    return new VectorColumn(name, store, multi, born);
  }

  attach(segment: Segment): void {
    assert(this.#slots[segment.slot] === undefined, "a segment's slot is free");
    this.#slots[segment.slot] = segment;
    this.#published = undefined;
  }

  /** Takes a segment out and frees its memory. No point may live there any more. */
  detach(segment: Segment): void {
    assert(segment.liveCount === 0, "a segment that leaves holds no live row");
    this.#slots[segment.slot] = undefined;
    this.#published = undefined;
    segment.close();
  }

  /**
   * Takes in a segment that was read from files, and enters its live rows in the id map; of two rows of one point the newer lives.
   * @param later Leaves the id map to `enter`, or to whatever needs it first. Only where no point has two rows, which is so
   * unless the log has to say which of them counts.
   */
  adopt(segment: Segment, later = false): void {
    this.attach(segment);
    this.#awaitExpiry(segment);
    this.#unentered.push(segment);
    if (!later) this.enter();
  }

  /** The id map, whole. */
  get #map(): IdMap {
    if (this.#unentered.length > 0) this.enter();
    return this.#ids;
  }

  /** Enters so many rows of segments that wait for it at most; false when none are left. */
  enter(rows = Number.POSITIVE_INFINITY): boolean {
    const [segment] = this.#unentered;
    if (!segment) return false;
    this.#ids.reserve(this.#ids.count + this.#unentered.reduce((sum, { liveCount }) => sum + liveCount, 0));
    const end = Math.min(segment.rowCount, this.#entered + rows);
    this.#ids.add(segment.slot, this.#entered, end, segment.live, (row) => {
      const old = { segment: this.#slots[this.#ids.slot] as Segment, row: this.#ids.row };
      if (old.segment.version(old.row) >= segment.version(row)) segment.kill(row);
      else {
        old.segment.kill(old.row);
        this.#ids.set(segment.ids.read(row, this.#key), segment.slot, row);
      }
    });
    this.#entered = end;
    if (end === segment.rowCount) {
      this.#unentered.shift();
      this.#entered = 0;
      if (rows === Number.POSITIVE_INFINITY) this.enter();
    }
    return this.#unentered.length > 0;
  }

  #awaitExpiry({ expiry }: Segment): void {
    if (expiry) this.#nextExpiry = Math.min(this.#nextExpiry, expiry.next);
  }

  /**
   * Takes out the points that have expired; returns how many. Nothing of it is logged: a replay has the same times.
   * @param now Milliseconds since 1970.
   */
  expire(now: number): number {
    if (now < this.#nextExpiry) return 0;
    this.#nextExpiry = Number.POSITIVE_INFINITY;
    let count = 0;
    for (const segment of this.segments()) {
      const { expiry } = segment;
      while (expiry && expiry.next <= now) {
        const row = expiry.take();
        if (!segment.isLive(row)) continue;
        this.#map.delete(segment.ids.read(row, this.#key));
        this.#forgetBlobs(segment.blobs?.of(row));
        segment.kill(row);
        count++;
      }
      this.#awaitExpiry(segment);
    }
    return count;
  }

  /** Moves a live row to its copy in another segment; false when the row is dead by now. */
  move(from: Segment, fromRow: number, to: Segment, toRow: number): boolean {
    if (!from.isLive(fromRow)) {
      to.kill(toRow);
      return false;
    }
    this.#map.set(from.ids.read(fromRow, this.#key), to.slot, toRow);
    from.kill(fromRow);
    return true;
  }

  /** Closes the growing segment to further rows; undefined when there is none with rows. */
  seal(): Segment | undefined {
    const segment = this.#growing;
    if (!segment || segment.rowCount === 0) return undefined;
    segment.sealed = true;
    this.#growing = undefined;
    this.onSealed();
    return segment;
  }

  apply(effects: readonly Effect[], sequence: number, replay = false): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "upsert":
          for (const point of effect.points) this.#upsert(point, sequence, replay);
          break;
        case "delete":
          for (const id of effect.ids) this.#delete(id, sequence, replay);
          break;
        case "payload":
          for (const id of effect.ids) this.#patch(id, effect, sequence, replay);
          break;
        case "blob":
          this.#blob(effect, sequence, replay);
          break;
        case "field":
          this.#field(effect.path, effect.schema);
          break;
        case "configure":
          this.#configure(decodePayload(effect.change) as ConfigChange, sequence);
          break;
        case "operation":
          this.operations.add(effect.id, sequence);
          break;
      }
    }
    this.sequence = sequence;
  }

  /** In replay the vectors may be newer than the change. */
  #configure({ added, dropped, ...change }: ConfigChange, sequence: number): void {
    this.config = changedConfig(this.config, change);
    if (dropped !== undefined && (bornAt(this.config, dropped) ?? sequence) < sequence) {
      this.config = withoutVector(this.config, dropped);
      for (const segment of this.#all()) segment.drop(dropped);
    }
    if (added && bornAt(this.config, added.name) === undefined) {
      this.config = withVector(this.config, added, sequence);
      for (const segment of this.#all())
        segment.add(this.#columnOf(added.name, segment.sealed ? 1 : segment.capacity, false));
    }
  }

  #upsert(given: StoredPoint, sequence: number, replay: boolean): void {
    const point = replay ? this.#asOf(given, sequence) : given;
    const key = this.#key.set(point.id);
    if (this.#map.find(key)) {
      const old = this.#found();
      if (replay && old.segment.version(old.row) > sequence) return;
      this.#forgetBlobs(old.segment.blobs?.of(old.row));
      old.segment.kill(old.row);
    }
    if (!this.#growing) {
      this.#growing = this.createSegment(growingCapacity(this.config, this.budget));
      this.attach(this.#growing);
    }
    const segment = this.#growing;
    this.#map.set(key, segment.slot, segment.append(key, point, sequence));
    if (point.expires !== undefined) this.#nextExpiry = Math.min(this.#nextExpiry, point.expires);
    if (segment.full || this.#hasLongPayloads(segment)) this.seal();
  }

  /** Whether payloads alone take what a growing segment may of the memory budget. */
  #hasLongPayloads({ payloads }: Segment): boolean {
    return this.budget !== undefined && payloads.heapBytes > growingBytes(this.config, this.budget);
  }

  /** The point without vectors whose names mean others by now. */
  #asOf(point: StoredPoint, sequence: number): StoredPoint {
    const isNewer = ({ name }: { name: string }) => (bornAt(this.config, name) ?? 0) > sequence;
    if (!point.vectors.some(isNewer)) return point;
    return { ...point, vectors: point.vectors.filter((vector) => !isNewer(vector)) };
  }

  #delete(id: PointId, sequence: number, replay: boolean): void {
    const key = this.#key.set(id);
    if (!this.#map.find(key)) return;
    const { segment, row } = this.#found();
    if (replay && segment.version(row) > sequence) return;
    this.#map.delete(key);
    this.#forgetBlobs(segment.blobs?.of(row));
    segment.kill(row);
  }

  #blob({ id, ...change }: BlobEffect, sequence: number, replay: boolean): void {
    if (!this.#map.find(this.#key.set(id))) return;
    const { segment, row } = this.#found();
    if (replay && segment.version(row) > sequence) return;
    const before = segment.blobs?.of(row);
    this.deadBlobBytes += decodeRefs(before)[change.name]?.size ?? 0;
    segment.setBlobs(row, changedRefs(before, change), sequence);
  }

  #forgetBlobs(refs: Uint8Array | undefined): void {
    if (refs) for (const { size } of Object.values(decodeRefs(refs))) this.deadBlobBytes += size;
  }

  #patch(id: PointId, effect: PayloadEffect, sequence: number, replay: boolean): void {
    // In replay the point may be gone: the files can be ahead of the log's checkpoint.
    if (!this.#map.find(this.#key.set(id))) return;
    const { segment, row } = this.#found();
    if (replay && segment.version(row) > sequence) return;
    segment.setPayload(row, patchedPayload(segment.payloads.bytes(row), effect), sequence);
  }

  #field(path: string, schema: Uint8Array | undefined): void {
    let fields = { ...this.config.fields };
    delete fields[path];
    for (const segment of this.#all()) segment.fields.delete(path);
    if (schema !== undefined) {
      const parsed = decodePayload(schema) as FieldSchema;
      // Not by assignment: a field may be called `__proto__`.
      fields = { ...fields, [path]: parsed };
      // The growing segment is bounded, so its column is made at once; the optimizer makes those of the others.
      if (this.#growing) this.#growing.fields.set(path, buildColumn(this.#growing, path, parsed));
    }
    this.config = { ...this.config, fields };
  }

  /** Makes the field columns that sealed segments lack, where no optimizer does. */
  completeFields(): void {
    for (const segment of this.segments())
      for (const [path, schema] of Object.entries(this.config.fields))
        if (!segment.fields.has(path)) {
          const column = buildColumn(segment, path, schema);
          column.prepare();
          segment.fields.set(path, column);
        }
  }

  /** Bytes of the id map. */
  memoryBytes(): number {
    return this.#ids.memoryBytes();
  }

  /** Bytes of files that are kept after they were read. */
  cacheBytes(): number {
    let bytes = 0;
    for (const cache of this.#caches.values()) bytes += cache.bytes;
    return bytes;
  }

  close(): void {
    this.#uncount?.();
    for (const segment of this.#all()) segment.close();
    this.#slots.length = 0;
    this.#published = undefined;
  }
}

/** A field column over the rows that a segment has now. */
function buildColumn(segment: Segment, path: string, schema: FieldSchema): FieldColumn {
  const column = createColumn(schema, parsePath(path));
  for (let row = 0; row < segment.rowCount; row++) column.append(segment.payload(row));
  return column;
}
