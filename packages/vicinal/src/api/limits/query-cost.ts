/** How many comparisons with one point a query makes, and how many points it fetches: what a read is charged. */

/** Parts of a query that are walked without their types: forms of query come and go. */
type Fields = Readonly<Record<string, unknown>>;

export interface QueryCost {
  /** Comparisons of vectors with each point. */
  comparisons: number;
  /** Points whose vectors are looked up first. */
  lookups: number;
}

/** Comparisons with the stored vector of a point. */
export type StoredCost = (id: unknown) => number;

/** @param query Any form, or none. */
export function queryCost(query: unknown, stored: StoredCost): QueryCost {
  if (query === null || query === undefined) return { comparisons: 1, lookups: 0 };
  if (!isFields(query) || isVector(query)) return costOf([query], stored);
  if ("nearest" in query) return costOf([query.nearest], stored);
  if ("recommend" in query) return costOfRecommend(query.recommend as Fields, stored);
  if ("discover" in query) {
    const { target, context } = query.discover as Fields;
    return costOf([target, ...examplesOfPairs(context)], stored);
  }
  if ("context" in query) return costOf(examplesOfPairs(query.context), stored);
  if ("relevance_feedback" in query) {
    const { target, feedback } = query.relevance_feedback as Fields;
    return costOf([target, ...(feedback as Fields[]).map(({ example }) => example)], stored);
  }
  return { comparisons: "order_by" in query || "sample" in query ? 1 : 0, lookups: 0 };
}

function costOfRecommend({ positive, negative, strategy }: Fields, stored: StoredCost): QueryCost {
  const examples = [...((positive ?? []) as unknown[]), ...((negative ?? []) as unknown[])];
  const cost = costOf(examples, stored);
  const isMean = (strategy ?? "average_vector") === "average_vector";
  return isMean ? { ...cost, comparisons: examples.length > 0 ? 1 : 0 } : cost;
}

function examplesOfPairs(context: unknown): unknown[] {
  const pairs = (Array.isArray(context) ? context : [context ?? {}]) as Fields[];
  return pairs.flatMap(({ positive, negative }) => [positive, negative]);
}

function costOf(examples: readonly unknown[], stored: StoredCost): QueryCost {
  let comparisons = 0;
  let lookups = 0;
  for (const example of examples) {
    if (example === undefined) continue;
    if (isId(example)) lookups++;
    comparisons += isId(example) ? stored(example) : vectorCost(example);
  }
  return { comparisons, lookups };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

function isId(example: unknown): boolean {
  return ["number", "bigint", "string"].includes(typeof example);
}

function isVector(value: object): boolean {
  return Array.isArray(value) || ArrayBuffer.isView(value) || "indices" in value || "model" in value;
}

/** Vectors of a multi-vector, elements of a sparse one, 1 of any other. */
export function vectorCost(vector: unknown): number {
  if (Array.isArray(vector) && typeof vector[0] === "object") return vector.length;
  if (isFields(vector) && Array.isArray(vector.indices)) return vector.indices.length;
  return 1;
}
