/**
 * WriteView: the points as an operation sees them while it is resolved: those of the published state, and over them what
 * the effects that were resolved before it make of them, in the same group or in the same batch. So an operation's filters
 * and conditions see all that goes before it, however many share a sync.
 *
 * Effects are noted as they are and worked out once someone asks, since most groups are upserts that nobody asks about.
 */
import type { PointId } from "../payload/id.js";
import { after, afterEach } from "../runtime/after.js";
import { changedRefs } from "./blob-refs.js";
import type { Effect, StoredPoint } from "./effects.js";
import { patchedPayload } from "./patched-payload.js";
import type { Segment } from "./segment.js";
import type { CollectionState, Place } from "./state.js";

type NamedVectors = StoredPoint["vectors"];

/** A point that waits to be published. */
interface WaitingPoint {
  /** UTF-8 JSON of an object. */
  payload: Uint8Array;
  /** Undefined: as they are published. */
  vectors: NamedVectors | undefined;
  expires: number | undefined;
  blobs: Uint8Array | undefined;
  version: number;
}

/** Undefined: the point will be gone. */
type WaitingPoints = ReadonlyMap<PointId, WaitingPoint | undefined>;

export class WriteView {
  readonly state: CollectionState;
  /** Time of the writes, milliseconds since 1970. */
  readonly now: number;
  /** Sequence number of the operation that is resolved next. */
  sequence: number;
  /** What goes before what is noted here. */
  readonly #before: WriteView | undefined;
  readonly #points = new Map<PointId, WaitingPoint | undefined>();
  readonly #unread: { effects: readonly Effect[]; sequence: number }[] = [];

  constructor(state: CollectionState, now: number, sequence: number, before?: WriteView) {
    this.state = state;
    this.now = now;
    this.sequence = sequence;
    this.#before = before;
  }

  /** A view that begins with all of this one and can be dropped with what was noted there. */
  branch(): WriteView {
    return new WriteView(this.state, this.now, this.sequence, this);
  }

  /** These effects of the operation `sequence` will be published after all that were noted before. */
  note(effects: readonly Effect[]): void {
    this.#unread.push({ effects, sequence: this.sequence });
  }

  exists(id: PointId): boolean {
    const waiting = this.#waiting(id);
    return waiting.has ? waiting.point !== undefined : this.state.find(id) !== undefined;
  }

  /** Of a point that exists. */
  payload(id: PointId): Uint8Array {
    const { point } = this.#waiting(id);
    if (point) return point.payload;
    const { segment, row } = this.state.find(id) as Place;
    return segment.payloads.bytes(row);
  }

  /** Sequence number of the write that made this version of a point; undefined where there is none. */
  version(id: PointId): number | undefined {
    const waiting = this.#waiting(id);
    if (waiting.has) return waiting.point?.version;
    const place = this.state.find(id);
    return place?.segment.version(place.row);
  }

  /** When a point that exists expires; undefined for never. */
  expires(id: PointId): number | undefined {
    const { has, point } = this.#waiting(id);
    if (has) return point?.expires;
    const { segment, row } = this.state.find(id) as Place;
    return segment.expiry?.of(row);
  }

  /** What a point that exists says of its blobs; undefined for none. */
  blobs(id: PointId): Uint8Array | undefined {
    const { has, point } = this.#waiting(id);
    if (has) return point?.blobs;
    const { segment, row } = this.state.find(id) as Place;
    return segment.blobs?.of(row);
  }

  /** Whether a point that exists has the named vector. */
  hasVector(id: PointId, name: string): boolean {
    const vectors = this.#waiting(id).point?.vectors;
    if (vectors) return vectors.some((vector) => vector.name === name);
    const { segment, row } = this.state.find(id) as Place;
    return segment.column(name)?.has(row) ?? false;
  }

  /** All points that wait to be published. */
  waiting(): WaitingPoints {
    this.#catchUp();
    return this.#before ? new Map([...this.#before.waiting(), ...this.#points]) : this.#points;
  }

  /** All vectors of points that exist, in the order of the ids. A promise only where some lie in files. */
  vectors(ids: readonly PointId[]): NamedVectors[] | Promise<NamedVectors[]> {
    const found = new Map<PointId, NamedVectors>();
    const published = new Map<Segment, { ids: PointId[]; rows: number[] }>();
    for (const id of ids) {
      const waiting = this.#waiting(id).point?.vectors;
      if (waiting) {
        found.set(id, waiting);
        continue;
      }
      const { segment, row } = this.state.find(id) as Place;
      const read = published.get(segment) ?? { ids: [], rows: [] };
      published.set(segment, read);
      read.ids.push(id);
      read.rows.push(row);
    }
    const reads = afterEach([...published], ([segment, { ids: from, rows }]) =>
      after(publishedVectors(segment, rows), (vectors) => {
        from.forEach((id, i) => void found.set(id, vectors[i]));
      }),
    );
    return after(reads, () => ids.map((id) => found.get(id) as NamedVectors));
  }

  #waiting(id: PointId): { has: boolean; point: WaitingPoint | undefined } {
    this.#catchUp();
    if (this.#points.has(id)) return { has: true, point: this.#points.get(id) };
    return this.#before ? this.#before.#waiting(id) : { has: false, point: undefined };
  }

  #catchUp(): void {
    for (const { effects, sequence } of this.#unread.splice(0))
      for (const effect of effects) this.#apply(effect, sequence);
  }

  #apply(effect: Effect, version: number): void {
    if (effect.kind === "upsert")
      for (const { id, payload, vectors, expires, blobs } of effect.points)
        this.#points.set(id, { payload, vectors, expires, blobs, version });
    else if (effect.kind === "delete") for (const id of effect.ids) this.#points.set(id, undefined);
    else if (effect.kind === "payload") {
      for (const id of effect.ids)
        if (this.exists(id)) this.#change(id, version, { payload: patchedPayload(this.payload(id), effect) });
    } else if (effect.kind === "blob" && this.exists(effect.id))
      this.#change(effect.id, version, { blobs: changedRefs(this.blobs(effect.id), effect) });
  }

  #change(id: PointId, version: number, change: Partial<WaitingPoint>): void {
    const { point } = this.#waiting(id);
    const now = { payload: this.payload(id), expires: this.expires(id), blobs: this.blobs(id) };
    this.#points.set(id, { ...now, vectors: point?.vectors, ...change, version });
  }
}

function publishedVectors(segment: Segment, rows: number[]): NamedVectors[] | Promise<NamedVectors[]> {
  const columns = segment.columns();
  const leave = segment.readers.enter();
  const read = afterEach(columns, (column) => column.getMany(rows));
  const assemble = (vectors: Awaited<typeof read>): NamedVectors[] =>
    rows.map((_, i) =>
      columns.flatMap(({ name }, c) => {
        const vector = vectors[c][i];
        return vector ? [{ name, vector }] : [];
      }),
    );
  if (read instanceof Promise) return read.then(assemble).finally(leave);
  leave();
  return assemble(read);
}
