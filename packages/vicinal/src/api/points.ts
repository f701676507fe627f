/** From rows of segments to the points that an answer shows. */
import { decodePayload, encodePayload } from "../payload/json.js";
import { deletePayload } from "../payload/patch.js";
import { parsePath } from "../payload/path.js";
import { includePaths } from "../payload/select.js";
import type { Segment } from "../segment/segment.js";
import {
  type PointRecord,
  RawJson,
  type ScoredPoint,
  type VectorStructOutput,
  type WithPayloadInterface,
  type WithVector,
} from "./schema/index.js";

type Pick = (bytes: Uint8Array) => Uint8Array;

/** What of each point goes into the answer; made once per request. */
export class PointReader {
  readonly #payload: Pick | undefined;
  readonly #vectors: true | readonly string[] | undefined;

  /** @param defaultPayload Whether payloads are returned where the request does not say. */
  constructor(
    withPayload: WithPayloadInterface | null | undefined,
    withVector: WithVector | null | undefined,
    defaultPayload: boolean,
  ) {
    this.#payload = payloadPick(withPayload ?? defaultPayload);
    this.#vectors = withVector === true ? true : withVector || undefined;
  }

  read(segment: Segment, row: number): PointRecord<RawJson> {
    return this.#fill({ id: segment.ids.get(row) }, segment, row);
  }

  readScored(segment: Segment, row: number, score: number): ScoredPoint<RawJson> {
    return this.#fill({ id: segment.ids.get(row), version: segment.version(row), score }, segment, row);
  }

  #fill<P extends PointRecord<RawJson>>(point: P, segment: Segment, row: number): P {
    if (this.#payload) point.payload = new RawJson(this.#payload(segment.payloads.bytes(row)));
    if (this.#vectors) point.vector = readVectors(segment, row, this.#vectors);
    return point;
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

/** The vector of a collection with an unnamed one alone, else an object of those asked for. */
function readVectors(segment: Segment, row: number, names: true | readonly string[]): VectorStructOutput {
  const unnamed = segment.vectors.get("");
  if (unnamed && segment.vectors.size === 1) return unnamed.get(row)?.data ?? {};
  const vectors: [string, Float32Array][] = [];
  for (const [name, column] of segment.vectors) {
    if (names !== true && !names.includes(name)) continue;
    const vector = column.get(row);
    if (vector) vectors.push([name, vector.data]);
  }
  // Not by assignment: a vector may be called `__proto__`.
  return Object.fromEntries(vectors);
}
