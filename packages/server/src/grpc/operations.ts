/**
 * What each method of the services does: which operation of the engine it calls, and in what its answer lies. Methods that
 * have no row, and rows whose operation the engine lacks, are answered with UNIMPLEMENTED.
 */
import {
  type EngineApi,
  queryOfSearch,
  searchRequest,
  searchRequestBatch,
  VicinalError,
} from "vicinal/protocol";

/** A request's body of REST with what REST has beside it in path and parameters. */
export interface GrpcCall {
  engine: EngineApi;
  collection: string;
  body: Body;
  /** Whether the writer waits until the write is searchable. */
  wait: boolean;
}

export type Body = Record<string, unknown>;

/** Gives the fields of the answer's message, in their REST form. */
export type Operation = (call: GrpcCall) => Promise<Record<string, unknown>>;

/** An engine's operation by its name, which another version of the engine may have. */
function operation(engine: EngineApi, name: string): (...values: unknown[]) => Promise<unknown> {
  const found = (engine as unknown as Record<string, unknown>)[name];
  if (typeof found !== "function")
    throw new VicinalError("UNSUPPORTED", `${name} is not supported in this version`, { operation: name });
  return found.bind(engine) as (...values: unknown[]) => Promise<unknown>;
}

/** Takes the collection and the body, answers with the result. */
function call(name: string): Operation {
  return async ({ engine, collection, body }) => ({
    result: await operation(engine, name)(collection, body),
  });
}

/** Takes the body alone. */
function callAll(name: string): Operation {
  return async ({ engine, body }) => ({ result: await operation(engine, name)(body) });
}

/** Who did not ask to wait is told that the write was received. */
function asAsked(result: unknown, wait: boolean): unknown {
  if (wait) return result;
  if (Array.isArray(result)) return result.map((one) => asAsked(one, wait));
  return { ...(result as object), status: "acknowledged" };
}

function write(name: string, values: (call: GrpcCall) => unknown[] = ({ body }) => [body]): Operation {
  return async (given) => {
    const { engine, collection, wait } = given;
    return { result: asAsked(await operation(engine, name)(collection, ...values(given)), wait) };
  };
}

/** Answers with the fields of the result itself. */
function whole(name: string): Operation {
  return async ({ engine, collection, body }) =>
    (await operation(engine, name)(collection, body)) as Record<string, unknown>;
}

const query: Operation = async ({ engine, collection, body }) => {
  const { points } = await engine.query(collection, body);
  return { result: points };
};

const queryBatch: Operation = async ({ engine, collection, body }) => ({
  result: await engine.queryBatch(collection, body as never),
});

const queryGroups = call("queryGroups");

/** The older search in its REST form, as the query that it stands for. */
function searched(body: Body): Body {
  return queryOfSearch(searchRequest.parse(body)) as unknown as Body;
}

export const collections: Readonly<Record<string, Operation>> = {
  Get: call("getCollection"),
  List: async ({ engine }) => ({ ...(await engine.getCollections()) }),
  Create: call("createCollection"),
  Update: call("updateCollection"),
  Delete: call("deleteCollection"),
  CollectionExists: call("collectionExists"),
  UpdateAliases: callAll("updateCollectionAliases"),
  ListAliases: async ({ engine }) => (await operation(engine, "getAliases")()) as Body,
  ListCollectionAliases: whole("getCollectionAliases"),
  CollectionClusterInfo: whole("collectionClusterInfo"),
  UpdateCollectionClusterSetup: call("updateCollectionCluster"),
  CreateShardKey: call("createShardKey"),
  DeleteShardKey: call("deleteShardKey"),
  ListShardKeys: whole("listShardKeys"),
};

export const points: Readonly<Record<string, Operation>> = {
  Upsert: write("upsert"),
  Delete: write("delete"),
  UpdateVectors: write("updateVectors"),
  DeleteVectors: write("deleteVectors"),
  SetPayload: write("setPayload"),
  OverwritePayload: write("overwritePayload"),
  DeletePayload: write("deletePayload"),
  ClearPayload: write("clearPayload"),
  UpdateBatch: write("batchUpdate"),
  CreateFieldIndex: write("createPayloadIndex"),
  DeleteFieldIndex: write("deletePayloadIndex", ({ body }) => [body.field_name]),
  CreateVectorName: write("createVectorName", ({ body: { vector_name, ...config } }) => [
    vector_name,
    config,
  ]),
  DeleteVectorName: write("deleteVectorName", ({ body }) => [body.vector_name]),

  Get: call("retrieve"),
  Scroll: async ({ engine, collection, body }) => {
    const { points, next_page_offset } = await engine.scroll(collection, body);
    return { result: points, next_page_offset };
  },
  Count: call("count"),
  Facet: whole("facet"),
  SearchMatrixPairs: call("searchMatrixPairs"),
  SearchMatrixOffsets: call("searchMatrixOffsets"),

  Query: query,
  QueryBatch: queryBatch,
  QueryGroups: queryGroups,
  Search: (given) => query({ ...given, body: searched(given.body) }),
  SearchBatch: (given) => {
    const { searches } = searchRequestBatch.parse(given.body);
    return queryBatch({ ...given, body: { searches: searches.map(queryOfSearch) } });
  },
  SearchGroups: (given) => {
    const { group_by, group_size, with_lookup, ...rest } = given.body;
    return queryGroups({ ...given, body: { ...searched(rest), group_by, group_size, with_lookup } });
  },
  Recommend: query,
  RecommendBatch: queryBatch,
  RecommendGroups: queryGroups,
  Discover: query,
  DiscoverBatch: queryBatch,
};

export const snapshots: Readonly<Record<string, Operation>> = {
  Create: async ({ engine, collection }) => ({
    snapshot_description: await engine.createSnapshot(collection),
  }),
  List: async ({ engine, collection }) => ({ snapshot_descriptions: await engine.listSnapshots(collection) }),
  Delete: async ({ engine, collection, body }) => ({
    result: await engine.deleteSnapshot(collection, String(body.snapshot_name)),
  }),
  CreateFull: async ({ engine }) => ({ snapshot_description: await engine.createFullSnapshot() }),
  ListFull: async ({ engine }) => ({ snapshot_descriptions: await engine.listFullSnapshots() }),
  DeleteFull: async ({ engine, body }) => ({
    result: await engine.deleteFullSnapshot(String(body.snapshot_name)),
  }),
};
