/** A worker's task for tests: the same searches again and again, on a store that another thread owns. */

import { type GraphHandle, GraphIndex } from "../graph/graph-index.js";
import type { StoreHandle } from "../vector-store.js";
import { VectorStore } from "../vector-store.js";

export function run(input: unknown): number[][] {
  const { store, index, queries, rounds } = input as {
    store: StoreHandle;
    index: GraphHandle;
    queries: Float32Array;
    rounds: number;
  };
  const attached = VectorStore.attach(store);
  const graph = new GraphIndex(attached, index.kind, index.layout, index);
  const { dimensions } = store;
  let answers: number[][] = [];
  for (let round = 0; round < rounds; round++) {
    answers = [];
    for (let at = 0; at < queries.length; at += dimensions) {
      const query = queries.subarray(at, at + dimensions);
      answers.push([...graph.search({ query, k: 10, effort: 40 }).ordinals]);
    }
  }
  return answers;
}
