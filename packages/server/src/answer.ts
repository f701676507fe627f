/** How results are written: the envelope `{result, status, time}` of Qdrant's API, and points by hand. */
import type {
  GroupsResult,
  InferenceUsage,
  PointRecord,
  QueryResponse,
  RawJson,
  ScoredPoint,
  ScrollResult,
  SearchMatrixOffsets,
  SearchMatrixPairs,
  VectorOutput,
  VectorStructOutput,
} from "vicinal/protocol";
import { JsonWriter } from "./json-writer.js";

/** Writes one result into the envelope. */
export type ResultWriter<T> = (writer: JsonWriter, result: T) => void;

export const writePlain: ResultWriter<unknown> = (writer, result) => {
  writer.value(result);
};

export const writePoint: ResultWriter<PointRecord<RawJson> | ScoredPoint<RawJson>> = (writer, point) => {
  const id = typeof point.id === "string" ? `"${point.id}"` : String(point.id);
  writer.text(`{"id":${id}`);
  if (point.version !== undefined && point.version !== null) writer.text(`,"version":${point.version}`);
  if ("score" in point) writer.text(`,"score":`).float32(point.score);
  if (point.order_value !== undefined && point.order_value !== null)
    writer.text(`,"order_value":${point.order_value}`);
  if (point.payload) writer.text(`,"payload":`).bytes(point.payload.bytes);
  if (point.blobs) writer.text(`,"blobs":`).value(point.blobs);
  if (point.vector) writeVectors(writer.text(`,"vector":`), point.vector);
  writer.text("}");
};

const writeVectors: ResultWriter<VectorStructOutput> = (writer, vectors) => {
  if (Array.isArray(vectors) || vectors instanceof Float32Array) {
    writeVector(writer, vectors);
    return;
  }
  let separator = "{";
  for (const [name, vector] of Object.entries(vectors)) {
    writeVector(writer.text(`${separator}${JSON.stringify(name)}:`), vector);
    separator = ",";
  }
  writer.text(separator === "{" ? "{}" : "}");
};

const writeVector: ResultWriter<VectorOutput> = (writer, vector) => {
  if (vector instanceof Float32Array) writer.vector(vector);
  else if (!Array.isArray(vector)) writer.value(vector);
  else if (isMany(vector)) writer.array(vector, (row) => writer.vector(row));
  else writer.vector(vector as number[]);
};

function isMany(vector: readonly unknown[]): vector is readonly ArrayLike<number>[] {
  return typeof vector[0] === "object";
}

export const writePoints: ResultWriter<readonly PointRecord<RawJson>[]> = (writer, points) => {
  writer.array(points, (point) => writePoint(writer, point));
};

export const writeQueryResponse: ResultWriter<QueryResponse<RawJson>> = (writer, { points, explain }) => {
  writer.text(`{"points":`);
  writePoints(writer, points);
  if (explain) writer.text(`,"explain":`).value(explain);
  writer.text("}");
};

export const writeQueryResponses: ResultWriter<QueryResponse<RawJson>[]> = (writer, responses) => {
  writer.array(responses, (response) => writeQueryResponse(writer, response));
};

/** The older search answers with the points themselves. */
export const writeSearchResponse: ResultWriter<QueryResponse<RawJson>> = (writer, { points }) =>
  writePoints(writer, points);

export const writeSearchResponses: ResultWriter<QueryResponse<RawJson>[]> = (writer, responses) => {
  writer.array(responses, ({ points }) => writePoints(writer, points));
};

export const writeScrollResult: ResultWriter<ScrollResult<RawJson>> = (writer, result) => {
  writer.text(`{"points":`);
  writePoints(writer, result.points);
  writer
    .text(`,"next_page_offset":`)
    .value(result.next_page_offset ?? null)
    .text("}");
};

export const writeGroups: ResultWriter<GroupsResult<RawJson>> = (writer, { groups }) => {
  writer.text(`{"groups":`).array(groups, ({ id, hits, lookup }) => {
    writer.text(`{"id":`).value(id).text(`,"hits":`);
    writePoints(writer, hits);
    if (lookup) writePoint(writer.text(`,"lookup":`), lookup);
    writer.text("}");
  });
  writer.text("}");
};

export const writeMatrixPairs: ResultWriter<SearchMatrixPairs> = (writer, { pairs }) => {
  writer.text(`{"pairs":`).array(pairs, ({ a, b, score }) => {
    writer.text(`{"a":`).value(a).text(`,"b":`).value(b).text(`,"score":`).float32(score).text("}");
  });
  writer.text("}");
};

export const writeMatrixOffsets: ResultWriter<SearchMatrixOffsets> = (writer, { scores, ...places }) => {
  writer.text(`{"scores":`).array(scores, (score) => writer.float32(score));
  for (const [name, value] of Object.entries(places)) writer.text(`,"${name}":`).value(value);
  writer.text("}");
};

/**
 * @param startedMs `performance.now()` at the request's arrival.
 * @param inference What models were used for it, where that is known.
 */
export function envelope<T>(
  result: T,
  write: ResultWriter<T>,
  startedMs: number,
  inference?: InferenceUsage,
): Buffer {
  const writer = new JsonWriter();
  writer.text(`{"result":`);
  write(writer, result);
  if (inference) writer.text(`,"usage":`).value({ inference });
  return writer.text(`,"status":"ok","time":${secondsSince(startedMs)}}`).finish();
}

/** Of an operation that goes on after the answer. */
export function acceptedEnvelope(startedMs: number): Buffer {
  return new JsonWriter().value({ status: "accepted", time: secondsSince(startedMs) }).finish();
}

export function errorEnvelope(error: string, startedMs: number): Buffer {
  return new JsonWriter().value({ status: { error }, time: secondsSince(startedMs) }).finish();
}

function secondsSince(startedMs: number): number {
  return Math.round((performance.now() - startedMs) * 1e6) / 1e9;
}
