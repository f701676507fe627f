/** Where a request's message and its REST form differ in more than names: by message type, how the message reads. */
import type { DescMessage } from "@bufbuild/protobuf";
import { VicinalError } from "vicinal/protocol";
import { type Decoded, fromFields, type Member, named } from "./from-message.js";

type Read = (message: Decoded, desc: DescMessage) => unknown;

/** The name and the converted value of the one member that is set, or nothing. */
function memberOf(message: Decoded, desc: DescMessage): [string, unknown] | undefined {
  const [oneof] = desc.oneofs;
  const set = message[oneof.localName] as Member;
  const field = oneof.fields.find(({ localName }) => localName === set.case);
  return field === undefined ? undefined : [field.name, named(desc, message, field.name)];
}

/** Members by other names, others by their own: `{[name]: value}`. An empty name gives the value alone. */
function byMember(names: Readonly<Record<string, string>> = {}): Read {
  return (message, desc) => {
    const member = memberOf(message, desc);
    if (member === undefined) return {};
    const [name, value] = member;
    const key = names[name] ?? name;
    return key === "" ? value : { [key]: value };
  };
}

const pointId: Read = (message, desc) => memberOf(message, desc)?.[1];

const payloadValue: Read = (message, desc) => {
  const found = memberOf(message, desc);
  return found === undefined || found[0] === "null_value" ? null : found[1];
};

/** Members that are objects are spread into their parent. */
function spread(...names: string[]): Read {
  return (message, desc) => {
    const body = fromFields(desc, message);
    for (const name of names) {
      const inner = body[name];
      delete body[name];
      Object.assign(body, inner);
    }
    return body;
  };
}

/** RFC 3339 with nanoseconds where they say something. */
function timestamp(message: Decoded): string {
  const { seconds, nanos } = message as unknown as { seconds: bigint; nanos: number };
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return `${seconds} s since 1970`;
  const fraction = nanos === 0 ? "" : `.${String(nanos).padStart(9, "0")}`;
  return date.toISOString().replace(/\.\d+Z$/, `${fraction}Z`);
}

/** Older clients say a vector's kind by the fields beside its numbers. */
const vector: Read = (message, desc) => {
  const found = memberOf(message, desc);
  if (found !== undefined) return found[1];
  const data = message.data as number[];
  const indices = message.indices as { data: number[] } | undefined;
  if (indices !== undefined) return { indices: indices.data, values: data };
  const count = message.vectorsCount as number | undefined;
  return count === undefined ? data : rows(data, count);
};

/** The older form of a multi-vector: all its numbers, and how many vectors they are. BAD_VECTOR where that cannot be. */
function rows(data: number[], count: number): number[][] {
  if (count === 0) throw badRows("vectors count must be greater than 0");
  if (data.length % count !== 0) throw badRows("invalid dense vector length for vectors count");
  const width = data.length / count;
  return Array.from({ length: count }, (_, row) => data.slice(row * width, (row + 1) * width));
}

function badRows(rule: string): VicinalError {
  const message = `Validation error in JSON body: [data: Validation error: ${rule}]`;
  return new VicinalError("BAD_VECTOR", message, { field: "data" });
}

/** A point without vectors is one with none of the named ones. */
const point: Read = (message, desc) => ({ vector: {}, ...fromFields(desc, message) });

const search: Read = (message, desc) => {
  const { vector: values, vector_name: name, sparse_indices: indices, ...rest } = fromFields(desc, message);
  const data = (values ?? []) as number[];
  const whole = indices === undefined ? data : { indices, values: data };
  return { ...rest, vector: name === undefined && indices === undefined ? whole : { name, vector: whole } };
};

/** The older recommend operations are queries. Ids and vectors come in lists of their own. */
const recommend: Read = (message, desc) => {
  const { positive, negative, positive_vectors, negative_vectors, strategy, ...rest } = fromFields(
    desc,
    message,
  );
  const joined = (...lists: unknown[]) => lists.flatMap((list) => (list ?? []) as unknown[]);
  return {
    ...rest,
    query: {
      recommend: {
        positive: joined(positive, positive_vectors),
        negative: joined(negative, negative_vectors),
        ...(strategy === undefined ? {} : { strategy }),
      },
    },
  };
};

/** The older discover operation is a query too; without a target it looks for the context alone. */
const discover: Read = (message, desc) => {
  const { target, context = [], ...rest } = fromFields(desc, message);
  return { ...rest, query: target === undefined ? { context } : { discover: { target, context } } };
};

const fieldIndex: Read = (message, desc) => {
  const { field_type, field_index_params, ...rest } = fromFields(desc, message);
  return { ...rest, field_schema: field_index_params ?? field_type };
};

/** `{type: "keyword", ...}` from the member's name. */
const indexParams: Read = (message, desc) => {
  const found = memberOf(message, desc);
  if (found === undefined) return undefined;
  return { type: found[0].replace(/_index_params$/, ""), ...(found[1] as object) };
};

const stemmer: Read = (message, desc) => {
  const found = memberOf(message, desc);
  if (found === undefined) return undefined;
  return found[0] === "snowball" ? { type: "snowball", ...(found[1] as object) } : { type: "none" };
};

const shardKeySelector: Read = (message, desc) => {
  const { shard_keys: keys = [], fallback } = fromFields(desc, message) as {
    shard_keys?: unknown[];
    fallback?: unknown;
  };
  if (fallback !== undefined) return { target: keys[0], fallback };
  return keys.length === 1 ? keys[0] : keys;
};

const matchNames = {
  keyword: "value",
  integer: "value",
  boolean: "value",
  keywords: "any",
  integers: "any",
  except_keywords: "except",
  except_integers: "except",
};

export const exceptions: Readonly<Record<string, Read>> = {
  PointId: pointId,
  Value: payloadValue,
  Struct: (message, desc) => named(desc, message, "fields") ?? {},
  ListValue: (message, desc) => named(desc, message, "values"),
  Timestamp: timestamp,

  Vector: vector,
  PointStruct: point,
  PointsSelector: byMember(),
  DeletePoints: spread("points"),
  ClearPayloadPoints: spread("points"),
  ClearPayload: spread("points"),
  SetPayloadPoints: spread("points_selector"),
  DeletePayloadPoints: spread("points_selector"),
  DeletePointVectors: spread("points_selector"),
  SetPayload: spread("points_selector"),
  OverwritePayload: spread("points_selector"),
  DeletePayload: spread("points_selector"),
  DeleteVectors: spread("points_selector"),
  ShardKeySelector: shardKeySelector,
  // Without a corpus all points are meant.
  IdfParams: (message, desc) => {
    const corpus = named(desc, message, "corpus");
    return corpus === undefined ? "global" : { corpus };
  },
  WithPayloadSelector: byMember({ enable: "" }),
  KeywordPrefixParams: () => true,

  Condition: byMember({ field: "", filter: "", has_id: "", has_vector: "" }),
  Match: byMember(matchNames),

  // The one vector without a name: REST's updates call it by the empty name.
  VectorsConfigDiff: (message, desc) => {
    const found = memberOf(message, desc);
    return found?.[0] === "params" ? { "": found[1] } : found?.[1];
  },
  Disabled: () => "Disabled",
  QuantizationConfigDiff: byMember({ disabled: "", turboquant: "turbo" }),
  CreateFieldIndexCollection: fieldIndex,
  PayloadIndexParams: indexParams,
  StemmingAlgorithm: stemmer,

  SearchPoints: search,
  SearchPointGroups: search,
  RecommendPoints: recommend,
  RecommendPointGroups: recommend,
  DiscoverPoints: discover,
  Query: byMember({ nearest_with_mmr: "", formula: "" }),
  Formula: (message, desc) => {
    const { expression, ...rest } = fromFields(desc, message);
    return { formula: expression, ...rest };
  },
  Expression: byMember({ constant: "", variable: "", condition: "" }),
};
