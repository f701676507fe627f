/** Vectors as they are written, asked for and returned. */
import {
  array,
  type Infer,
  type Issue,
  named,
  number,
  object,
  optional,
  record,
  refined,
  string,
  union,
  unsigned,
  vector,
} from "../../runtime/schema.js";
import { type ExtendedPointId, extendedPointId } from "./common.js";
import { inference } from "./inference.js";

/** A dense vector, finite float32 numbers. */
export const denseVector = vector();
export type DenseVector = Infer<typeof denseVector>;

const fault = (member: string, what: string): Issue => ({
  code: "OUT_OF_RANGE",
  path: [member],
  message: `Validation error: ${what}`,
});

/** The elements that are not zero, in any order: which they are, each once, and their values. */
export const sparseVector = named(
  "SparseVector",
  refined(
    object({ indices: array(unsigned({ max: 2 ** 32 - 1 })), values: array(number()) }),
    ({ indices, values }) => {
      if (values.length !== indices.length) return fault("values", "must be the same length as indices");
      if (new Set(indices).size !== indices.length) return fault("indices", "must be unique");
      return undefined;
    },
  ),
);
export type SparseVector = Infer<typeof sparseVector>;

/** Several dense vectors, one at least. */
export const multiVector = array(denseVector, { minItems: 1 });
export type MultiVector = Infer<typeof multiVector>;

/** One vector of a point. */
export const namedVectorValue = named("Vector", union(denseVector, inference, sparseVector, multiVector));

/** The vectors of a point: the unnamed one, or those of the given names. */
export const vectorStruct = named(
  "VectorStruct",
  union(denseVector, inference, multiVector, record(namedVectorValue)),
);
export type VectorStruct = Infer<typeof vectorStruct>;

/**
 * What is left of `VectorStruct` once a value has passed its schema and models' inputs became vectors. The
 * same holds for `VectorInput` and `SupportedVectorInput`.
 */
export type SupportedVectorStruct =
  | DenseVector
  | MultiVector
  | Record<string, DenseVector | SparseVector | MultiVector>;
export type SupportedBatchVectorStruct =
  | (DenseVector | MultiVector)[]
  | Record<string, (DenseVector | SparseVector | MultiVector)[]>;
export type SupportedVectorInput = DenseVector | SparseVector | MultiVector | ExtendedPointId;

/** The vectors of many points, column by column. */
export const batchVectorStruct = named(
  "BatchVectorStruct",
  union(array(denseVector), array(multiVector), array(inference), record(array(namedVectorValue))),
);

/** What a query compares with: a vector, or the stored vector of a point. */
export const vectorInput = named(
  "VectorInput",
  union(denseVector, extendedPointId, inference, sparseVector, multiVector),
);
export type VectorInput = Infer<typeof vectorInput>;

/** A vector with its name, the form of the older search endpoint. */
export const namedVector = named("NamedVector", object({ name: string(), vector: denseVector }));
const namedSparseVector = named("NamedSparseVector", object({ name: string(), vector: sparseVector }));
export const searchVector = named("NamedVectorStruct", union(denseVector, namedVector, namedSparseVector));

/** The vectors of a point as returned. */
export const vectorOutput = named("VectorOutput", union(denseVector, sparseVector, multiVector));
export type VectorOutput = Infer<typeof vectorOutput>;
export const vectorStructOutput = named(
  "VectorStructOutput",
  union(denseVector, multiVector, record(vectorOutput)),
);
export type VectorStructOutput = Infer<typeof vectorStructOutput>;

export const optionalVectorStructOutput = optional(vectorStructOutput);
