/** `{rerank}`, a query of Vicinal's own: what prefetches found by the scores of a model that is a hook. */
import { key } from "../../payload/filter-schema.js";
import {
  anyJson,
  array,
  type Infer,
  named,
  object,
  optional,
  string,
  unsigned,
} from "../../runtime/schema.js";

export const rerankQuery = named(
  "RerankQuery",
  object({
    rerank: named(
      "RerankInput",
      object({
        model: string({ minLength: 1 }).describe("Name of a hook that reranks."),
        query: anyJson().describe("Handed to the model as it is: a text, an object."),
        top_k: optional(unsigned({ min: 1 })).describe(
          "How many of the prefetches' best points the model sees; the others are no answers. Default: all.",
        ),
        fields: optional(array(key)).describe(
          "Paths of the payload that the model sees. Default: all of it.",
        ),
      }),
    ),
  }),
);
export type RerankInput = Infer<typeof rerankQuery>["rerank"];
