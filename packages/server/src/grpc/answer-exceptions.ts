/** Where a result's REST form and its message differ in more than names: by message type, how the message is made. */
import type { DescMessage } from "@bufbuild/protobuf";
import { parseJson, RawJson } from "vicinal/protocol";
import { type MessageData, toFields, withMember } from "./to-message.js";

type Make = (value: unknown, desc: DescMessage) => MessageData;
type Fields = Readonly<Record<string, unknown>>;

const numberOrText =
  (whole: string, text: string): Make =>
  (value, desc) =>
    withMember(desc, typeof value === "string" ? text : whole, value);

function isWhole(value: unknown): boolean {
  return typeof value === "bigint" || Number.isInteger(value);
}

const int64Max = 2n ** 63n - 1n;
const int64Min = -(2n ** 63n);

/** A value of a payload. Integers beyond 64 signed bits are doubles, as the message has no larger kind. */
function valueMember(value: unknown): [string, unknown] {
  if (value === null || value === undefined) return ["null_value", "null_value"];
  switch (typeof value) {
    case "string":
      return ["string_value", value];
    case "boolean":
      return ["bool_value", value];
    case "bigint":
      return value > int64Max || value < int64Min
        ? ["double_value", Number(value)]
        : ["integer_value", value];
    case "number":
      return Number.isSafeInteger(value) ? ["integer_value", value] : ["double_value", value];
  }
  return Array.isArray(value) ? ["list_value", { values: value }] : ["struct_value", { fields: value }];
}

/** Stored payloads are bytes; others are objects already. */
function withPayload(value: unknown, desc: DescMessage): MessageData {
  const point = value as Fields;
  const { payload } = point;
  return toFields(desc, payload instanceof RawJson ? { ...point, payload: parseJson(payload.bytes) } : point);
}

function isNumbers(value: unknown): boolean {
  return ArrayBuffer.isView(value) || (Array.isArray(value) && typeof value[0] !== "object");
}

/** The form that clients since 1.16 read; the older fields beside it stay empty, as Qdrant leaves them. */
const vectorOutput: Make = (value, desc) => {
  if (isNumbers(value)) return withMember(desc, "dense", value);
  return withMember(desc, Array.isArray(value) ? "multi_dense" : "sparse", value);
};

const vectorsOutput: Make = (value, desc) =>
  Array.isArray(value) || ArrayBuffer.isView(value)
    ? withMember(desc, "vector", value)
    : withMember(desc, "vectors", { vectors: value });

const vectorsConfig: Make = (value, desc) =>
  typeof (value as Fields).size === "number"
    ? withMember(desc, "params", value)
    : withMember(desc, "params_map", value);

const groupId: Make = (value, desc) => {
  if (typeof value === "string") return withMember(desc, "string_value", value);
  return withMember(desc, (value as number | bigint) < 0 ? "integer_value" : "unsigned_value", value);
};

const facetValue: Make = (value, desc) => {
  const kind = typeof value === "string" ? "string" : typeof value === "boolean" ? "bool" : "integer";
  return withMember(desc, `${kind}_value`, value);
};

/** The parameters' member has their type's name: `keyword_index_params`. */
const indexParams: Make = (value, desc) => {
  const { type, ...params } = value as Fields;
  return withMember(desc, `${type}_index_params`, params);
};

/** Either a language's name, or languages and words. */
const stopwords: Make = (value, desc) =>
  toFields(desc, typeof value === "string" ? { languages: [value], custom: [] } : (value as Fields));

const stemmer: Make = (value, desc) => {
  const { type, ...params } = value as Fields;
  return withMember(desc, type === "snowball" ? "snowball" : "disabled", params);
};

/** A time in UTC, as text. */
const timestamp: Make = (value, desc) =>
  toFields(desc, { seconds: Math.floor(Date.parse(`${value}Z`) / 1000), nanos: 0 });

export const answerExceptions: Readonly<Record<string, Make>> = {
  PointId: numberOrText("num", "uuid"),
  ShardKey: numberOrText("number", "keyword"),
  Value: (value, desc) => withMember(desc, ...valueMember(value)),
  ScoredPoint: withPayload,
  RetrievedPoint: withPayload,
  VectorsOutput: vectorsOutput,
  VectorOutput: vectorOutput,
  OrderValue: (value, desc) => withMember(desc, isWhole(value) ? "int" : "float", value),
  GroupId: groupId,
  FacetValue: facetValue,
  Timestamp: timestamp,
  BatchResult: (value, desc) => toFields(desc, { result: (value as { points: unknown }).points }),
  OptimizerStatus: (value, desc) =>
    toFields(desc, value === "ok" ? { ok: true } : { ok: false, error: (value as Fields).error }),
  VectorsConfig: vectorsConfig,
  PayloadIndexParams: indexParams,
  StopwordsSet: stopwords,
  StemmingAlgorithm: stemmer,
  MaxOptimizationThreads: numberOrText("value", "setting"),
};
