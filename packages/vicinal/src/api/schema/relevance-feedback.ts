/** `{relevance_feedback}`: a target and judged examples. What they come to is in query/relevance-feedback.ts. */
import { array, createIssue, type Infer, named, number, object, refined } from "../../runtime/schema.js";
import { vectorInput } from "./vectors.js";

const feedbackItem = named(
  "FeedbackItem",
  object({
    example: vectorInput,
    score: number().describe("How well it was judged; the larger the better."),
  }),
);

const naive = object({
  a: number().describe("Weight of the similarity to the target."),
  b: number({ min: 0 }).describe("The power of the difference between two judgements."),
  c: number().describe("Weight of the judgements."),
});

export const relevanceFeedbackQuery = named(
  "RelevanceFeedbackQuery",
  object({
    relevance_feedback: named(
      "RelevanceFeedbackInput",
      object({
        target: vectorInput,
        feedback: refined(array(feedbackItem), ({ length }) =>
          length > 0 ? undefined : createIssue("feedback elements must be non-empty", "OUT_OF_RANGE"),
        ),
        strategy: named("FeedbackStrategy", object({ naive: named("NaiveFeedbackStrategyParams", naive) })),
      }),
    ),
  }),
);
export type RelevanceFeedbackInput = Infer<typeof relevanceFeedbackQuery>["relevance_feedback"];
