/**
 * The client's methods over gRPC: requests in their REST form as proto JSON, answers back in their REST form, for what tests in several
 * homes use. Written by hand from the proto files, so that it does not share the server's own conversion. Who carries
 * the messages is the caller's choice.
 */

type Json = Record<string, unknown>;
type List = Json[];

/** Makes one call; proto JSON in and out. Rejects with what the server answered. */
export type Carry = (service: "Collections" | "Points", method: string, request: Json) => Promise<Json>;

const idTo = (id: unknown) => (typeof id === "string" ? { uuid: id } : { num: String(id) });
const idFrom = (id: Json) => id.uuid ?? Number(id.num ?? 0);

function valueTo(value: unknown): Json {
  if (value === null) return { nullValue: "NULL_VALUE" };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "number")
    return Number.isInteger(value) ? { integerValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { listValue: { values: value.map(valueTo) } };
  return { structValue: { fields: mapped(value as Json, valueTo) } };
}

function valueFrom(value: Json): unknown {
  const [[kind, given]] = Object.entries(value);
  if (kind === "nullValue") return null;
  if (kind === "integerValue") return Number(given);
  if (kind === "listValue") return (((given as Json).values ?? []) as List).map(valueFrom);
  if (kind === "structValue")
    return mapped(((given as Json).fields ?? {}) as Record<string, Json>, valueFrom);
  return given;
}

function mapped<T, R>(record: Record<string, T>, turn: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, turn(value)]));
}

function vectorTo(vector: unknown): Json {
  if (!Array.isArray(vector)) return { sparse: vector };
  if (!Array.isArray(vector[0])) return { dense: { data: vector } };
  return { multi_dense: { vectors: vector.map((data) => ({ data })) } };
}

function vectorsTo(vector: unknown): Json {
  if (Array.isArray(vector)) return { vector: vectorTo(vector) };
  return { vectors: { vectors: mapped(vector as Json, vectorTo) } };
}

function vectorFrom({ dense, multiDense, sparse }: Json): unknown {
  const numbers = ({ data }: Json) => data ?? [];
  if (multiDense) return ((multiDense as Json).vectors as List).map(numbers);
  return sparse ?? numbers(dense as Json);
}

function vectorsFrom({ vector, vectors }: Json): unknown {
  return vector
    ? vectorFrom(vector as Json)
    : mapped((vectors as Json).vectors as Record<string, Json>, vectorFrom);
}

function matchTo({ value, any, except, ...rest }: Json): Json {
  if (typeof value === "string") return { keyword: value };
  if (typeof value === "boolean") return { boolean: value };
  if (value !== undefined) return { integer: String(value) };
  const [name, list] = any ? ["", any as unknown[]] : ["except_", except as unknown[] | undefined];
  if (!list) return rest;
  if (typeof list[0] === "string") return { [`${name}keywords`]: { strings: list } };
  return { [`${name}integers`]: { integers: list.map(String) } };
}

function conditionTo(condition: Json): Json {
  const { key, match, has_id: ids, is_empty: isEmpty, is_null: isNull } = condition;
  if (match) return { field: { key, match: matchTo(match as Json) } };
  if (key) return { field: condition };
  if (ids) return { has_id: { has_id: (ids as unknown[]).map(idTo) } };
  if (isEmpty) return { is_empty: isEmpty };
  if (isNull) return { is_null: isNull };
  return { filter: filterTo(condition) };
}

function filterTo(filter: Json): Json {
  return mapped(filter as Record<string, List>, (conditions) => conditions.map(conditionTo));
}

function selectorTo({ points, filter }: Json): Json {
  return points ? { points: { ids: (points as unknown[]).map(idTo) } } : { filter: filterTo(filter as Json) };
}

function chosen(wish: unknown, names: string): Json {
  return Array.isArray(wish) ? { include: { [names]: wish } } : { enable: wish ?? false };
}

/** What all reads have. */
function readTo({ filter, with_payload: payload, with_vector: vector, ...rest }: Json): Json {
  return {
    ...rest,
    ...(filter ? { filter: filterTo(filter as Json) } : {}),
    with_payload: chosen(payload, "fields"),
    with_vectors: chosen(vector, "names"),
  };
}

function queryKindTo(query: unknown): Json {
  if (typeof query !== "object") return { nearest: { id: idTo(query) } };
  const { fusion } = query as Json;
  return fusion ? { fusion: String(fusion).toUpperCase() } : { nearest: vectorTo(query) };
}

function prefetchTo({ query, filter, ...rest }: Json): Json {
  return {
    ...rest,
    query: queryKindTo(query),
    ...(filter ? { filter: filterTo(filter as Json) } : {}),
  };
}

function queryTo({ query, prefetch, ...rest }: Json): Json {
  return {
    ...readTo(rest),
    ...(prefetch ? { prefetch: (prefetch as List).map(prefetchTo) } : {}),
    ...(query === undefined ? {} : { query: queryKindTo(query) }),
  };
}

function pointTo({ id, vector, payload }: Json): Json {
  return { id: idTo(id), vectors: vectorsTo(vector), payload: mapped((payload ?? {}) as Json, valueTo) };
}

function columnsAsPoints({ ids, vectors, payloads }: Record<string, unknown[]>): List {
  return ids.map((id, i) => pointTo({ id, vector: vectors[i], payload: payloads?.[i] }));
}

/** Without a payload a message cannot say whether it was asked for. */
function pointFrom(point: Json, withPayload: unknown): Json {
  const { id, payload, score, vectors } = point;
  return {
    id: idFrom(id as Json),
    payload: withPayload ? mapped((payload ?? {}) as Record<string, Json>, valueFrom) : null,
    score: score ?? 0,
    ...(vectors ? { vector: vectorsFrom(vectors as Json) } : {}),
  };
}

function pointsFrom({ result }: Json, withPayload: unknown): List {
  return ((result ?? []) as List).map((point) => pointFrom(point, withPayload));
}

function vectorParamsTo({ multivector_config, ...params }: Json): Json {
  return multivector_config ? { ...params, multivector_config: { comparator: "MaxSim" } } : params;
}

function vectorsConfigTo(vectors: Json): Json {
  if (typeof vectors.size === "number") return { params: vectorParamsTo(vectors) };
  return { params_map: { map: mapped(vectors as Record<string, Json>, vectorParamsTo) } };
}

function infoFrom(result: Json): Json {
  const { config, status, pointsCount } = result as Record<string, Json> & { status: string };
  const { params, optimizerConfig } = config as Record<string, Json>;
  const vectors = (params.vectorsConfig as Json).paramsMap as Json | undefined;
  return {
    status: String(status).toLowerCase(),
    points_count: Number(pointsCount ?? 0),
    config: {
      params: {
        vectors: mapped((vectors?.map ?? {}) as Record<string, Json>, ({ size, ...rest }) => ({
          ...rest,
          size: Number(size),
        })),
      },
      optimizer_config: { indexing_threshold: Number(optimizerConfig.indexingThreshold) },
    },
  };
}

const fieldTypes: Json = {
  keyword: "FieldTypeKeyword",
  integer: "FieldTypeInteger",
  float: "FieldTypeFloat",
  bool: "FieldTypeBool",
};

/** The methods of the embedded database and of the REST client, over messages. */
export function clientOver(carry: Carry) {
  const collections = (method: string, name: string, body: Json = {}) =>
    carry("Collections", method, { collection_name: name, ...body });
  const points = (method: string, name: string, body: Json = {}) =>
    carry("Points", method, { collection_name: name, ...body });
  const changePayload = (method: string) => (name: string, body: Json) => {
    const { payload, keys, key, wait } = body;
    return points(method, name, {
      wait,
      points_selector: selectorTo(body),
      ...(payload ? { payload: mapped(payload as Json, valueTo) } : {}),
      ...(keys ? { keys } : {}),
      ...(key ? { key } : {}),
    });
  };
  return {
    collectionExists: async (name: string) => {
      const { result } = await collections("CollectionExists", name);
      return { exists: (result as Json | undefined)?.exists ?? false };
    },
    getCollections: async () => ({ collections: (await carry("Collections", "List", {})).collections ?? [] }),
    createCollection: async (name: string, { vectors, sparse_vectors: sparse, ...rest }: Json) => {
      const vectors_config = vectorsConfigTo(vectors as Json);
      const sparseConfig = sparse ? { sparse_vectors_config: { map: sparse } } : {};
      return (await collections("Create", name, { ...rest, vectors_config, ...sparseConfig })).result;
    },
    getCollection: async (name: string) => infoFrom((await collections("Get", name)).result as Json),
    updateCollection: async (name: string, body: Json) => (await collections("Update", name, body)).result,
    deleteCollection: async (name: string) => (await collections("Delete", name)).result,
    upsert: (name: string, { points: list, batch, wait }: Json) =>
      points("Upsert", name, {
        wait,
        points: list ? (list as List).map(pointTo) : columnsAsPoints(batch as Record<string, unknown[]>),
      }),
    delete: (name: string, { wait, ...body }: Json) =>
      points("Delete", name, { wait, points: selectorTo(body) }),
    setPayload: changePayload("SetPayload"),
    overwritePayload: changePayload("OverwritePayload"),
    deletePayload: changePayload("DeletePayload"),
    clearPayload: (name: string, { wait, ...body }: Json) =>
      points("ClearPayload", name, { wait, points: selectorTo(body) }),
    createPayloadIndex: (name: string, { field_name, field_schema, wait }: Json) =>
      points("CreateFieldIndex", name, { field_name, wait, field_type: fieldTypes[String(field_schema)] }),
    retrieve: async (name: string, { ids, ...body }: Json) => {
      const wish = { with_payload: true, ...body };
      const request = { ...readTo(wish), ids: (ids as unknown[]).map(idTo) };
      return pointsFrom(await points("Get", name, request), wish.with_payload);
    },
    scroll: async (name: string, { offset, ...body }: Json) => {
      const wish = { with_payload: true, ...body };
      const request = { ...readTo(wish), ...(offset === undefined ? {} : { offset: idTo(offset) }) };
      const answer = await points("Scroll", name, request);
      const next = answer.nextPageOffset as Json | undefined;
      return { points: pointsFrom(answer, wish.with_payload), next_page_offset: next ? idFrom(next) : null };
    },
    count: async (name: string, { filter }: Json) => {
      const { result } = await points("Count", name, filter ? { filter: filterTo(filter as Json) } : {});
      return { count: Number((result as Json).count ?? 0) };
    },
    query: async (name: string, body: Json) => ({
      points: pointsFrom(await points("Query", name, queryTo(body)), body.with_payload),
    }),
    queryBatch: async (name: string, { searches }: Json) => {
      const asked = searches as List;
      const queries = asked.map((body) => ({ collection_name: name, ...queryTo(body) }));
      const { result } = await points("QueryBatch", name, { query_points: queries });
      return (result as List).map((answer, i) => ({ points: pointsFrom(answer, asked[i].with_payload) }));
    },
  };
}
