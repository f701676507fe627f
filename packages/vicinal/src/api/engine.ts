/**
 * Engine: the operations of the API over a catalogue of collections. Requests are checked by their schemas, resolved
 * against the collection, and handed to the write path or the planner; payloads leave as the bytes that are stored.
 */
import { advise } from "../advisor/advise.js";
import type { Advice, AdviseOptions } from "../advisor/contract.js";
import { type CompiledFilter, compileCheckedFilter } from "../payload/filter.js";
import { type PointId, parsePointId } from "../payload/id.js";
import { encodePayload } from "../payload/json.js";
import { parsePath } from "../payload/path.js";
import { countMatching, matchingIds, pointsInOrder } from "../query/matching.js";
import type { RecallWatch } from "../query/recall-watch.js";
import { DEFAULT_RECALL, largerIsNearer, type NearestResult, nearest, scoreOf } from "../query/search.js";
import { after } from "../runtime/after.js";
import { VicinalError } from "../runtime/errors.js";
import type { Collection } from "../segment/collection.js";
import type { Effect, PayloadEffect, StoredVector } from "../segment/effects.js";
import type { SettleOptions } from "../segment/optimizer.js";
import type { CollectionState, Place } from "../segment/state.js";
import type { ResolveView } from "../segment/writer.js";
import type { Catalogue } from "./catalogue.js";
import { collectionConfig, configChange, describeCollection } from "./collections.js";
import type { EngineApi } from "./engine-api.js";
import { explanation } from "./explain.js";
import { PointReader } from "./points.js";
import { pointIds, storedPoints, storedVector, vectorConfig } from "./prepare.js";
import type { RawJson } from "./schema/index.js";
import * as schema from "./schema/index.js";

const DEFAULT_LIMIT = 10;

export class Engine implements EngineApi {
  readonly #catalogue: Catalogue;
  /** Checks a share of the searches in the background; absent where none is to be. */
  readonly watch: RecallWatch | undefined;

  constructor(catalogue: Catalogue, watch?: RecallWatch) {
    this.#catalogue = catalogue;
    this.watch = watch;
  }

  // -------------------------------------------------------------------------------------------- collections

  async createCollection(name: string, body: schema.CreateCollection): Promise<boolean> {
    schema.parseCollectionName(name);
    const config = collectionConfig(schema.createCollection.parse(body));
    await this.#catalogue.create(name, config);
    return true;
  }

  async updateCollection(name: string, body: schema.UpdateCollection): Promise<boolean> {
    const collection = this.#catalogue.get(name);
    const request = schema.updateCollection.parse(body);
    await collection.write({
      readsState: true,
      resolve: ({ state }) => [
        { kind: "configure", change: encodePayload(configChange(state.config, request)) },
      ],
    });
    return true;
  }

  deleteCollection(name: string): Promise<boolean> {
    return this.#catalogue.delete(name);
  }

  async getCollection(name: string): Promise<schema.CollectionInfo> {
    return describeCollection(this.#catalogue.get(name));
  }

  async getCollections(): Promise<schema.CollectionsResponse> {
    return { collections: this.#catalogue.names().map((name) => ({ name })) };
  }

  async collectionExists(name: string): Promise<schema.CollectionExistence> {
    return { exists: this.#catalogue.has(name) };
  }

  /** Resolves when the optimizer has nothing left to do; see Optimizer.settle. */
  async waitForIndex(name: string, options?: SettleOptions): Promise<void> {
    await this.#catalogue.get(name).optimizer.settle(options);
  }

  /** Measures index families on the collection's own vectors; see docs/advisor.md. */
  async advise(name: string, options: AdviseOptions = {}): Promise<Advice> {
    const { state } = this.#catalogue.get(name);
    const using = options.using ?? "";
    vectorConfig(state.config, using);
    const queries = options.queries?.map(
      (query, i) => storedVector(state.config, using, query, `queries[${i}]`).data,
    );
    return advise(state, using, options, queries);
  }

  /** Gives the vector the index that was recommended. BAD_REQUEST when none was. */
  async applyAdvice(name: string, { update, why }: Advice): Promise<boolean> {
    if (update) return this.updateCollection(name, update);
    throw new VicinalError("BAD_REQUEST", `There is no recommendation to apply: ${why}`, { field: "update" });
  }

  // -------------------------------------------------------------------------------------------- writes

  async upsert(name: string, body: schema.PointInsertOperations): Promise<schema.UpdateResult> {
    const collection = this.#catalogue.get(name);
    const points = storedPoints(collection.state.config, schema.pointInsertOperations.parse(body));
    let bytes = 0;
    for (const { vectors } of points) for (const { vector } of vectors) bytes += vector.data.byteLength;
    const result = await this.#write(collection, () => [{ kind: "upsert", points }]);
    collection.optimizer.ingested(bytes);
    return result;
  }

  async delete(name: string, body: schema.PointsSelector): Promise<schema.UpdateResult> {
    const collection = this.#catalogue.get(name);
    const select = selector(schema.pointsSelector.parse(body));
    return this.#write(collection, (view) => [{ kind: "delete", ids: select.ids(view) }], select.readsState);
  }

  async setPayload(name: string, body: schema.SetPayload): Promise<schema.UpdateResult> {
    const request = schema.setPayload.parse(body);
    const path = request.key ?? "";
    if (path !== "") parsePath(path, "key");
    return this.#patch(name, request, {
      mode: "set",
      path,
      payload: encodePayload(request.payload),
      keys: [],
    });
  }

  async overwritePayload(name: string, body: schema.SetPayload): Promise<schema.UpdateResult> {
    const request = schema.setPayload.parse(body);
    const payload = encodePayload(request.payload);
    return this.#patch(name, request, { mode: "overwrite", path: "", payload, keys: [] });
  }

  async deletePayload(name: string, body: schema.DeletePayload): Promise<schema.UpdateResult> {
    const request = schema.deletePayload.parse(body);
    for (const [i, key] of request.keys.entries()) parsePath(key, `keys[${i}]`);
    return this.#patch(name, request, {
      mode: "delete",
      path: "",
      payload: encodePayload({}),
      keys: request.keys,
    });
  }

  async clearPayload(name: string, body: schema.PointsSelector): Promise<schema.UpdateResult> {
    const request = schema.pointsSelector.parse(body);
    return this.#patch(name, request, { mode: "clear", path: "", payload: encodePayload({}), keys: [] });
  }

  async #patch(
    name: string,
    request: Selecting,
    change: Omit<PayloadEffect, "kind" | "ids">,
  ): Promise<schema.UpdateResult> {
    const collection = this.#catalogue.get(name);
    const select = selector(request);
    const resolve = (view: ResolveView): Effect[] => {
      const ids = select.ids(view);
      for (const id of ids) if (!view.exists(id)) throw pointNotFound(id);
      return [{ kind: "payload", ...change, ids }];
    };
    return this.#write(collection, resolve, select.readsState);
  }

  async createPayloadIndex(name: string, body: schema.CreateFieldIndex): Promise<schema.UpdateResult> {
    const collection = this.#catalogue.get(name);
    const { field_name: fieldName, field_schema: given } = schema.createFieldIndex.parse(body);
    const path = parsePath(fieldName, "field_name").text;
    if (given === undefined || given === null)
      throw new VicinalError("BAD_REQUEST", "field_schema: is missing, expected the type of the field", {
        path: "field_schema",
      });
    const fieldSchema = typeof given === "string" ? { type: given } : withDefaults(given);
    const result = await this.#write(collection, () => [
      { kind: "field", path, schema: encodePayload(fieldSchema) },
    ]);
    await collection.optimizer.whenFieldsReady();
    return result;
  }

  async deletePayloadIndex(name: string, fieldName: string): Promise<schema.UpdateResult> {
    const collection = this.#catalogue.get(name);
    const path = parsePath(fieldName, "field_name").text;
    return this.#write(collection, () => [{ kind: "field", path, schema: undefined }]);
  }

  async #write(
    collection: Collection,
    resolve: (view: ResolveView) => Effect[],
    readsState = false,
  ): Promise<schema.UpdateResult> {
    const sequence = await collection.write({ readsState, resolve });
    return { operation_id: sequence, status: "completed" };
  }

  // -------------------------------------------------------------------------------------------- reads

  async retrieve(name: string, body: schema.PointRequest): Promise<schema.PointRecord<RawJson>[]> {
    const { state } = this.#catalogue.get(name);
    const request = schema.pointRequest.parse(body);
    const reader = new PointReader(request.with_payload, request.with_vector, true);
    const found: schema.PointRecord<RawJson>[] = [];
    for (const id of new Set(pointIds(request.ids, "ids"))) {
      const place = state.find(id);
      if (place) found.push(reader.read(place.segment, place.row));
    }
    await reader.complete();
    return found;
  }

  async scroll(name: string, body: schema.ScrollRequest): Promise<schema.ScrollResult<RawJson>> {
    const { state } = this.#catalogue.get(name);
    const request = schema.scrollRequest.parse(body);
    const limit = request.limit ?? DEFAULT_LIMIT;
    const reader = new PointReader(request.with_payload, request.with_vector, true);
    const points = pointsInOrder(state, {
      offset:
        request.offset === undefined || request.offset === null
          ? undefined
          : parsePointId(request.offset, "offset"),
      limit: limit + 1,
      filter: compiled(request.filter),
    });
    const next = points.length > limit ? (points.pop() as (typeof points)[number]) : undefined;
    const records = points.map(({ segment, row }) => reader.read(segment, row));
    const next_page_offset = next ? next.segment.ids.get(next.row) : null;
    await reader.complete();
    return { points: records, next_page_offset };
  }

  async count(name: string, body: schema.CountRequest): Promise<schema.CountResult> {
    const { state } = this.#catalogue.get(name);
    const request = schema.countRequest.parse(body);
    return { count: countMatching(state, compiled(request.filter)) };
  }

  async query(name: string, body: schema.QueryRequest): Promise<schema.QueryResponse<RawJson>> {
    const { state } = this.#catalogue.get(name);
    return runQuery(state, schema.queryRequest.parse(body), this.watch);
  }

  async queryBatch(name: string, body: schema.QueryRequestBatch): Promise<schema.QueryResponse<RawJson>[]> {
    const { state } = this.#catalogue.get(name);
    const { searches } = schema.queryRequestBatch.parse(body);
    return Promise.all(searches.map((request) => runQuery(state, request, this.watch)));
  }

  close(): Promise<void> {
    return this.#catalogue.close();
  }
}

interface Selecting {
  points?: readonly unknown[] | null;
  filter?: unknown;
}

/** Which points a write is about: their ids, now or once the filter is evaluated in its turn. */
function selector(request: Selecting): { readsState: boolean; ids(view: ResolveView): PointId[] } {
  if (request.points) {
    const ids = pointIds(request.points);
    return { readsState: false, ids: () => ids };
  }
  const filter = compileCheckedFilter(request.filter as schema.Filter);
  return { readsState: true, ids: (view) => matchingIds(view.state, filter) };
}

function compiled(filter: schema.Filter | null | undefined): CompiledFilter | undefined {
  const checked = filter ? compileCheckedFilter(filter) : undefined;
  return checked?.isEmpty ? undefined : checked;
}

function pointNotFound(id: PointId): VicinalError {
  return new VicinalError("POINT_NOT_FOUND", `Not found: No point with id ${id} found`, { id });
}

/** A promise only where something has to be read from files. */
function runQuery(
  state: CollectionState,
  request: schema.QueryRequest,
  watch: RecallWatch | undefined,
): schema.QueryResponse<RawJson> | Promise<schema.QueryResponse<RawJson>> {
  const began = performance.now();
  const reader = new PointReader(request.with_payload, request.with_vector, false);
  return after(findPoints(state, request, reader, watch), ({ points, found, reading }) =>
    after(reader.complete(), () => {
      if (!request.params?.explain) return { points };
      return { points, explain: explanation(found, { began, reading, ended: performance.now() }) };
    }),
  );
}

interface Found {
  points: schema.ScoredPoint<RawJson>[];
  found: Pick<NearestResult, "plan" | "mergeMs">;
  /** When the search was over and the points were read. */
  reading: number;
}

function findPoints(
  state: CollectionState,
  request: schema.QueryRequest,
  reader: PointReader,
  watch: RecallWatch | undefined,
): Found | Promise<Found> {
  const using = request.using ?? "";
  const given = nearestInput(request.query);
  if (given !== undefined)
    return after(queryVector(state, using, given), (by) =>
      findNearest(state, request, by, { reader, watch }),
    );
  const limit = request.limit ?? DEFAULT_LIMIT;
  const offset = request.offset ?? 0;
  const filter = compiled(request.filter);
  const rows = pointsInOrder(state, { limit: offset + limit, filter }).slice(offset);
  const reading = performance.now();
  const points = rows.map(({ segment, row }) => reader.readScored(segment, row, 0));
  return { points, found: { plan: [], mergeMs: 0 }, reading };
}

function findNearest(
  state: CollectionState,
  request: schema.QueryRequest,
  { query, except }: SearchBy,
  { reader, watch }: { reader: PointReader; watch: RecallWatch | undefined },
): Found | Promise<Found> {
  const using = request.using ?? "";
  const limit = request.limit ?? DEFAULT_LIMIT;
  const offset = request.offset ?? 0;
  const filter = compiled(request.filter);
  const { distance } = vectorConfig(state.config, using);
  const params = request.params ?? {};
  // A point that is searched by its own vector is left out of the answer.
  const k = offset + limit + (except ? 1 : 0);
  const wish = {
    using,
    query,
    k: Math.ceil(k * (params.quantization?.oversampling ?? 1)),
    filter,
    exact: params.exact ?? false,
    effort: params.effort ?? undefined,
    ef: params.hnsw_ef ?? undefined,
    recall: params.recall ?? DEFAULT_RECALL,
    watch,
    explain: params.explain ?? false,
  };
  return nearest(state, wish, (found) => {
    const reading = performance.now();
    const threshold = request.score_threshold;
    const points: schema.ScoredPoint<RawJson>[] = [];
    let skipped = 0;
    for (const { segment, row, distance: d } of found.hits) {
      if (except && except.segment === segment && except.row === row) continue;
      const score = scoreOf(distance, d);
      if (typeof threshold === "number" && (largerIsNearer(distance) ? score < threshold : score > threshold))
        break;
      if (skipped++ < offset) continue;
      if (points.length === limit) break;
      points.push(reader.readScored(segment, row, score));
    }
    return { points, found, reading };
  });
}

type Input = ArrayLike<number> | PointId;

function nearestInput(query: schema.QueryRequest["query"]): Input | undefined {
  if (query === undefined || query === null) return undefined;
  if (typeof query === "object" && "nearest" in query) return query.nearest as Input;
  return query as Input;
}

/** The vector to search by, and the point that it belongs to when it was named by an id. */
interface SearchBy {
  query: Float32Array;
  except?: Place;
}

function queryVector(state: CollectionState, using: string, given: Input): SearchBy | Promise<SearchBy> {
  if (typeof given === "object") return { query: storedVector(state.config, using, given, "query").data };
  const id = parsePointId(given, "query");
  const place = state.find(id);
  if (!place) throw pointNotFound(id);
  return after(readVector(place, using), (vector) => {
    if (!vector)
      throw new VicinalError("UNKNOWN_VECTOR", `Wrong input: Point ${id} has no vector named \`${using}\``, {
        id,
        using,
      });
    // While its vector was read the point may have moved.
    return { query: vector.data, except: state.find(id) };
  });
}

function readVector(
  { segment, row }: Place,
  using: string,
): StoredVector | undefined | Promise<StoredVector | undefined> {
  const column = segment.vectors.get(using);
  if (!column?.file) return column?.get(row);
  const leave = segment.readers.enter();
  return Promise.resolve(column.getMany([row]))
    .then(([vector]) => vector)
    .finally(leave);
}

/** The parameters of a field index as they are kept and shown: of a text index always with its tokenizer. */
function withDefaults(given: schema.PayloadSchemaParams): schema.PayloadSchemaParams {
  return given.type === "text" ? { ...given, tokenizer: given.tokenizer ?? "word" } : given;
}
