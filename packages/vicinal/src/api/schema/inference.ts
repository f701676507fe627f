/** What models turn into vectors: texts, images, other objects; and the parameters of the model that is built in. */
import {
  anyJson,
  anyObject,
  createIssue,
  type Infer,
  type Issue,
  named,
  number,
  object,
  optional,
  outOfRange,
  record,
  refined,
  string,
  under,
  union,
  unsigned,
} from "../../runtime/schema.js";
import { analyzerFields, BM25_DEFAULTS, type Bm25Params, lacksStopWords } from "../../text/index.js";

const modelFields = {
  model: string({ minLength: 1 }).describe(
    "Name of the model, a built-in one or one that a hook was given for.",
  ),
  options: optional(anyObject()).describe("Passed to the model."),
};

/** What every form has that the model takes as it is: it has to be there. */
const input = refined(anyJson(), (value) =>
  value === undefined ? "is missing, expected any value" : undefined,
);

export const document = named("Document", object({ text: string(), ...modelFields }));
export const image = named(
  "Image",
  object({ image: input.describe("Base64, a URL, or whatever the model reads."), ...modelFields }),
);
export const anyInput = named("InferenceObject", object({ object: input, ...modelFields }));

/** A text, an image or another object in a vector's place: its model's vector is meant. */
export const inference = union(document, image, anyInput);
export type Inference = Infer<typeof inference>;

function known({ avg_len, language, stopwords }: Bm25Params): Issue | undefined {
  if (avg_len === 0) return under("avg_len", outOfRange("expected a number above 0, got 0"));
  if (!stopwords && typeof language === "string" && lacksStopWords(language))
    return under(
      "language",
      createIssue(
        `stop words of ${language} are not supported by this version: give \`stopwords\``,
        "UNSUPPORTED",
      ),
    );
  return undefined;
}

/** Options of the model `qdrant/bm25`. */
export const bm25Config = named(
  "Bm25Config",
  refined(
    object({
      k: optional(number({ min: 0 })).describe(
        `How much repeated tokens count: 0 for not at all. Default ${BM25_DEFAULTS.k}.`,
      ),
      b: optional(number({ min: 0, max: 1 })).describe(
        `How much long texts are held back. Default ${BM25_DEFAULTS.b}.`,
      ),
      avg_len: optional(number({ min: 0 })).describe(
        `Tokens of an average text, above 0. Default ${BM25_DEFAULTS.avg_len}.`,
      ),
      language: optional(string()).describe(
        "Whose stop words and stemmer are used where they are not given; an unknown one has neither. Default english.",
      ),
      ...analyzerFields,
    }),
    known,
  ),
);
export type Bm25Config = Infer<typeof bm25Config>;

/** What models were asked for, where their hooks say it. */
export const inferenceUsage = named(
  "InferenceUsage",
  object({ models: record(named("ModelUsage", object({ tokens: unsigned() }))) }),
);
export type InferenceUsage = Infer<typeof inferenceUsage>;

/** What a request used. */
export const usage = named("Usage", object({ inference: optional(inferenceUsage) }));
