/** From rows of segments to the points that an answer shows. */
import { decodePayload, encodePayload } from "../payload/json.js";
import { deletePayload } from "../payload/patch.js";
import { parsePath } from "../payload/path.js";
import { includePaths } from "../payload/select.js";
import type { RankedRow } from "../query/ranked.js";
import type { CollectionConfig } from "../segment/config.js";
import type { StoredVector } from "../segment/effects.js";
import type { Segment } from "../segment/segment.js";
import type { BlobView } from "./blobs.js";
import { metricOf } from "./prepare.js";
import {
  type PointRecord,
  RawJson,
  type ScoredPoint,
  type VectorOutput,
  type VectorStructOutput,
  type WithPayloadInterface,
  type WithVector,
} from "./schema/index.js";

type Column = ReturnType<Segment["columns"]>[number];
type Pick = (bytes: Uint8Array) => Uint8Array;

/** Points of a segment whose vectors are read from files. */
interface Late {
  points: PointRecord<RawJson>[];
  rows: number[];
  /** Lets the segment go. */
  leave(): void;
}

/** What of each point goes into the answer; made once per request. */
export class PointReader {
  readonly #payload: Pick | undefined;
  readonly #vectors: true | readonly string[] | undefined;
  readonly #versions: boolean;
  readonly #blobs: BlobView | undefined;
  readonly #late = new Map<Segment, Late>();

  /**
   * @param defaultPayload Whether payloads are returned where the request does not say.
   * @throws UNKNOWN_VECTOR where one is asked for by name that the collection has not.
   */
  constructor(
    config: CollectionConfig,
    withPayload: WithPayloadInterface | null | undefined,
    withVector: WithVector | null | undefined,
    defaultPayload: boolean,
    withVersion?: boolean | null,
    blobs?: BlobView,
  ) {
    this.#blobs = blobs;
    this.#versions = withVersion === true;
    this.#payload = payloadPick(withPayload ?? defaultPayload);
    this.#vectors = withVector === true ? true : withVector || undefined;
    if (Array.isArray(withVector)) for (const name of withVector) metricOf(config, name);
  }

  read(segment: Segment, row: number): PointRecord<RawJson> {
    return this.#fill({ id: segment.ids.get(row) }, segment, row);
  }

  /** A point of a query's answer. */
  readRanked({ segment, row, score, orderValue }: RankedRow): ScoredPoint<RawJson> {
    const id = segment.ids.get(row);
    const version = segment.version(row);
    const point =
      orderValue === undefined ? { id, version, score } : { id, version, score, order_value: orderValue };
    return this.#fill(point, segment, row);
  }

  /** A record with the value that it is ordered by. */
  readOrdered({ segment, row, orderValue }: RankedRow): PointRecord<RawJson> {
    return this.#fill({ id: segment.ids.get(row), order_value: orderValue }, segment, row);
  }

  #fill<P extends PointRecord<RawJson>>(point: P, segment: Segment, row: number): P {
    if (this.#versions) point.version = segment.version(row);
    if (this.#payload) point.payload = new RawJson(this.#payload(segment.payloads.bytes(row)));
    if (this.#blobs) point.blobs = this.#blobs.read(segment, row);
    if (!this.#vectors) return point;
    const columns = columnsOf(segment, this.#vectors);
    if (columns.some(({ file }) => file)) this.#remember(point, segment, row);
    else
      point.vector = assemble(
        columns,
        columns.map((column) => column.get(row)),
      );
    return point;
  }

  /** A point whose vectors lie in files gets them by `complete`. */
  #remember(point: PointRecord<RawJson>, segment: Segment, row: number): void {
    let late = this.#late.get(segment);
    if (!late) {
      late = { points: [], rows: [], leave: segment.readers.enter() };
      this.#late.set(segment, late);
    }
    late.points.push(point);
    late.rows.push(row);
  }

  /** What the points that were read still lack, to be awaited before they are shown; undefined for nothing. */
  complete(): Promise<void> | undefined {
    const blobs = this.#blobs?.complete();
    if (this.#late.size === 0) return blobs;
    return Promise.all([this.#readLate(), blobs]).then(() => {});
  }

  async #readLate(): Promise<void> {
    const reads = [...this.#late].map(async ([segment, { points, rows, leave }]) => {
      try {
        const columns = columnsOf(segment, this.#vectors || []);
        const vectors = await Promise.all(columns.map((column) => column.getMany(rows)));
        points.forEach((point, i) => {
          point.vector = assemble(
            columns,
            vectors.map((ofColumn) => ofColumn[i]),
          );
        });
      } finally {
        leave();
      }
    });
    this.#late.clear();
    await Promise.all(reads);
  }
}

function payloadPick(selector: WithPayloadInterface): Pick | undefined {
  if (selector === false) return undefined;
  if (selector === true) return (bytes) => bytes;
  if (Array.isArray(selector)) return including(selector);
  if ("include" in selector) return including(selector.include);
  const paths = selector.exclude.map((path) => parsePath(path, "with_payload.exclude"));
  return (bytes) => encodePayload(deletePayload(decodePayload(bytes), paths));
}

function including(selected: readonly string[]): Pick {
  const paths = selected.map((path) => parsePath(path, "with_payload.include"));
  return (bytes) => encodePayload(includePaths(decodePayload(bytes), paths));
}

/** The columns that are asked for: of a collection with an unnamed vector, that one always. */
function columnsOf(segment: Segment, names: true | readonly string[]): Column[] {
  return segment.columns().filter(({ name }) => names === true || name === "" || names.includes(name));
}

/** The unnamed vector where the point has no other, else an object of those asked for. */
function assemble(
  columns: readonly Column[],
  vectors: readonly (StoredVector | undefined)[],
): VectorStructOutput {
  const entries: [string, VectorOutput][] = [];
  columns.forEach(({ name }, i) => {
    const vector = vectors[i];
    if (vector) entries.push([name, shown(vector)]);
  });
  if (entries.length === 1 && entries[0][0] === "") return entries[0][1] as VectorStructOutput;
  // Not by assignment: a vector may be called `__proto__`.
  return Object.fromEntries(entries);
}

function shown(vector: StoredVector): VectorOutput {
  if ("terms" in vector)
    return { indices: Array.from(vector.terms), values: vector.values as unknown as number[] };
  if (!("count" in vector)) return vector.data;
  const { data, count } = vector;
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => data.subarray(i * size, (i + 1) * size));
}
