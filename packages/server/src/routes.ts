/**
 * The table of operations: method, path, what goes in, what comes out, and which method of the engine answers. Routing,
 * the OpenAPI document and the metrics' names all come from it.
 */
import {
  array,
  boolean,
  changeAliases,
  collectionExistence,
  collectionInfo,
  collectionsAliases,
  collectionsResponse,
  countRequest,
  countResult,
  createCollection,
  createFieldIndex,
  deletePayload,
  deleteVectors,
  type EngineApi,
  type ExtendedPointId,
  facetRequest,
  facetResponse,
  groupsResult,
  parsePointIdText,
  pointInsertOperations,
  pointRecord,
  pointRequest,
  pointsSelector,
  queryGroupsRequest,
  queryRequest,
  queryRequestBatch,
  queryResponse,
  type Schema,
  scrollRequest,
  scrollResult,
  searchMatrixOffsets,
  searchMatrixPairs,
  searchMatrixRequest,
  setPayload,
  type UpdateResult,
  updateCollection,
  updateOperations,
  updateResult,
  updateVectors,
  VicinalError,
  vectorNameConfig,
} from "vicinal/protocol";
import {
  writeGroups,
  writeMatrixOffsets,
  writeMatrixPairs,
  writePoint,
  writePoints,
  writeQueryResponse,
  writeQueryResponses,
  writeScrollResult,
} from "./answer.js";
import { PartError, throwInner } from "./errors.js";
import { olderRoutes } from "./older-routes.js";
import { operatorRoutes } from "./operator-routes.js";
import { manageParameters, readParameters, type WriteParameters, writeParameters } from "./parameters.js";
import { type HttpMethod, type Route, route } from "./route.js";
import { snapshotRoutes } from "./snapshot-routes.js";

export type { ParametersSchema, Route } from "./route.js";

type WriteMethod = {
  [M in keyof EngineApi]: EngineApi[M] extends (name: string, body: never) => Promise<UpdateResult>
    ? M
    : never;
}[Exclude<keyof EngineApi, "cluster">];

/** A row whose operation writes points: all have the same parameters and result. */
function writeRoute<M extends WriteMethod>(
  operation: string,
  method: HttpMethod,
  path: string,
  summary: string,
  body: Schema<Parameters<EngineApi[M]>[1]>,
  engineMethod: M,
): Route {
  return route(operation, method, path, summary, {
    parameters: writeParameters,
    body,
    result: updateResult,
    run: async ({ engine, collection, body, parameters }) => {
      const write = engine[engineMethod] as (name: string, body: unknown) => Promise<UpdateResult>;
      return asAsked(await write.call(engine, collection, body), parameters);
    },
  });
}

/** The engine answers once a write is searchable; who did not ask to wait is told what Qdrant tells: received. */
function asAsked(result: UpdateResult, { wait }: WriteParameters): UpdateResult {
  return wait === true ? result : { ...result, status: "acknowledged" };
}

function pointIdOf(text: string): ExtendedPointId {
  try {
    return parsePointIdText(text);
  } catch (error) {
    throw error instanceof VicinalError ? new PartError("path parameters", error) : error;
  }
}

const collection = "/collections/{collection_name}";
const points = `${collection}/points`;

export const routes: readonly Route[] = [
  route("get_collections", "GET", "/collections", "List the collections", {
    result: collectionsResponse,
    run: ({ engine }) => engine.getCollections(),
  }),
  route("get_collection", "GET", collection, "Describe a collection", {
    result: collectionInfo,
    run: ({ engine, collection }) => engine.getCollection(collection),
  }),
  route("create_collection", "PUT", collection, "Create a collection", {
    parameters: manageParameters,
    body: createCollection,
    result: boolean(),
    run: ({ engine, collection, body }) => engine.createCollection(collection, body),
  }),
  route("update_collection", "PATCH", collection, "Change a collection's configuration", {
    parameters: manageParameters,
    body: updateCollection,
    result: boolean(),
    run: ({ engine, collection, body }) => engine.updateCollection(collection, body),
  }),
  route("delete_collection", "DELETE", collection, "Delete a collection with all its points", {
    parameters: manageParameters,
    result: boolean(),
    run: ({ engine, collection }) => engine.deleteCollection(collection),
  }),
  route("collection_exists", "GET", `${collection}/exists`, "Tell whether a collection exists", {
    result: collectionExistence,
    run: ({ engine, collection }) => engine.collectionExists(collection),
  }),
  route("update_aliases", "POST", "/collections/aliases", "Create, delete and rename aliases", {
    parameters: manageParameters,
    body: changeAliases,
    result: boolean(),
    run: ({ engine, body }) => engine.updateCollectionAliases(body),
  }),
  route("get_collections_aliases", "GET", "/aliases", "List the aliases of all collections", {
    result: collectionsAliases,
    run: ({ engine }) => engine.getAliases(),
  }),
  route("get_collection_aliases", "GET", `${collection}/aliases`, "List the aliases of a collection", {
    result: collectionsAliases,
    run: ({ engine, collection }) => engine.getCollectionAliases(collection),
  }),

  route("create_vector_name", "PUT", `${collection}/vectors/{vector_name}`, "Add a named vector", {
    parameters: writeParameters,
    body: vectorNameConfig,
    result: updateResult,
    run: async ({ engine, collection, path, body, parameters }) =>
      asAsked(await engine.createVectorName(collection, path.vector_name, body), parameters),
  }),
  route("delete_vector_name", "DELETE", `${collection}/vectors/{vector_name}`, "Drop a named vector", {
    parameters: writeParameters,
    result: updateResult,
    run: async ({ engine, collection, path, parameters }) =>
      asAsked(await engine.deleteVectorName(collection, path.vector_name), parameters),
  }),

  writeRoute(
    "create_field_index",
    "PUT",
    `${collection}/index`,
    "Index a payload field",
    createFieldIndex,
    "createPayloadIndex",
  ),
  route(
    "delete_field_index",
    "DELETE",
    `${collection}/index/{field_name}`,
    "Drop the index of a payload field",
    {
      parameters: writeParameters,
      result: updateResult,
      run: async ({ engine, collection, path, parameters }) =>
        asAsked(await engine.deletePayloadIndex(collection, path.field_name), parameters),
    },
  ),

  writeRoute("upsert_points", "PUT", points, "Write points", pointInsertOperations, "upsert"),
  writeRoute("update_vectors", "PUT", `${points}/vectors`, "Replace vectors", updateVectors, "updateVectors"),
  writeRoute(
    "delete_vectors",
    "POST",
    `${points}/vectors/delete`,
    "Delete vectors",
    deleteVectors,
    "deleteVectors",
  ),
  writeRoute("delete_points", "POST", `${points}/delete`, "Delete points", pointsSelector, "delete"),
  writeRoute(
    "set_payload",
    "POST",
    `${points}/payload`,
    "Merge fields into payloads",
    setPayload,
    "setPayload",
  ),
  writeRoute(
    "overwrite_payload",
    "PUT",
    `${points}/payload`,
    "Replace payloads",
    setPayload,
    "overwritePayload",
  ),
  writeRoute(
    "delete_payload",
    "POST",
    `${points}/payload/delete`,
    "Delete fields of payloads",
    deletePayload,
    "deletePayload",
  ),
  writeRoute(
    "clear_payload",
    "POST",
    `${points}/payload/clear`,
    "Delete all fields of payloads",
    pointsSelector,
    "clearPayload",
  ),

  route("batch_update", "POST", `${points}/batch`, "Write several times, all or nothing", {
    parameters: writeParameters,
    body: updateOperations,
    result: array(updateResult),
    run: async ({ engine, collection, body, parameters }) =>
      (await engine.batchUpdate(collection, body)).map((result) => asAsked(result, parameters)),
  }),

  route("get_point", "GET", `${points}/{id}`, "Fetch one point", {
    parameters: readParameters,
    result: pointRecord,
    write: writePoint,
    run: async ({ engine, collection, path }) => {
      const id = pointIdOf(path.id);
      const [point] = await engine.retrieve(collection, { ids: [id], with_payload: true, with_vector: true });
      if (point === undefined)
        throw new VicinalError("POINT_NOT_FOUND", `Not found: Point with id ${id} does not exists!`, { id });
      return point;
    },
  }),
  route("get_points", "POST", points, "Fetch points by their ids", {
    parameters: readParameters,
    body: pointRequest,
    result: array(pointRecord),
    write: writePoints,
    run: ({ engine, collection, body }) => engine.retrieve(collection, body),
  }),
  route(
    "scroll_points",
    "POST",
    `${points}/scroll`,
    "Page through points in the order of their ids or of a field",
    {
      parameters: readParameters,
      body: scrollRequest,
      result: scrollResult,
      write: writeScrollResult,
      run: ({ engine, collection, body }) => engine.scroll(collection, body),
    },
  ),
  route("count_points", "POST", `${points}/count`, "Count points", {
    parameters: readParameters,
    body: countRequest,
    result: countResult,
    run: ({ engine, collection, body }) => engine.count(collection, body),
  }),

  route("query_points", "POST", `${points}/query`, "Search", {
    parameters: readParameters,
    body: queryRequest,
    result: queryResponse,
    write: writeQueryResponse,
    run: ({ engine, collection, body }) => engine.query(collection, body).catch(throwInner),
  }),
  route("query_batch_points", "POST", `${points}/query/batch`, "Search several times", {
    parameters: readParameters,
    body: queryRequestBatch,
    result: array(queryResponse),
    write: writeQueryResponses,
    run: ({ engine, collection, body }) => engine.queryBatch(collection, body),
  }),
  route("query_points_groups", "POST", `${points}/query/groups`, "Search, grouped by a field", {
    parameters: readParameters,
    body: queryGroupsRequest,
    result: groupsResult,
    write: writeGroups,
    run: ({ engine, collection, body }) => engine.queryGroups(collection, body),
  }),
  route("facet", "POST", `${collection}/facet`, "Count the values of a field", {
    parameters: readParameters,
    body: facetRequest,
    result: facetResponse,
    run: ({ engine, collection, body }) => engine.facet(collection, body),
  }),
  route("search_matrix_pairs", "POST", `${points}/search/matrix/pairs`, "Compare a sample, as pairs", {
    parameters: readParameters,
    body: searchMatrixRequest,
    result: searchMatrixPairs,
    write: writeMatrixPairs,
    run: ({ engine, collection, body }) => engine.searchMatrixPairs(collection, body),
  }),
  route("search_matrix_offsets", "POST", `${points}/search/matrix/offsets`, "Compare a sample, as a matrix", {
    parameters: readParameters,
    body: searchMatrixRequest,
    result: searchMatrixOffsets,
    write: writeMatrixOffsets,
    run: ({ engine, collection, body }) => engine.searchMatrixOffsets(collection, body),
  }),

  ...olderRoutes,
  ...operatorRoutes,
  ...snapshotRoutes,
];
