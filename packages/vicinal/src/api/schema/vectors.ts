/** Vectors as they are written, asked for and returned. */
import {
  array,
  type Infer,
  named,
  number,
  object,
  optional,
  record,
  string,
  union,
  unsigned,
  unsupported,
  vector,
} from "../../runtime/schema.js";
import { type ExtendedPointId, extendedPointId } from "./common.js";
import { inference } from "./inference.js";

/** A dense vector, finite float32 numbers. */
export const denseVector = vector();
export type DenseVector = Infer<typeof denseVector>;

const sparse = named("SparseVector", object({ indices: array(unsigned()), values: array(number()) }));
export const sparseVector = unsupported(sparse, "sparse vectors are");
export const multiVector = unsupported(array(denseVector), "multi-vectors are");

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
export type SupportedVectorStruct = DenseVector | Record<string, DenseVector>;
export type SupportedBatchVectorStruct = DenseVector[] | Record<string, DenseVector[]>;
export type SupportedVectorInput = DenseVector | ExtendedPointId;

/** The vectors of many points, column by column. */
export const batchVectorStruct = named(
  "BatchVectorStruct",
  union(
    array(denseVector),
    unsupported(array(array(denseVector)), "multi-vectors are"),
    array(inference),
    record(array(namedVectorValue)),
  ),
);

/** What a query compares with: a vector, or the stored vector of a point. */
export const vectorInput = named(
  "VectorInput",
  union(denseVector, extendedPointId, inference, sparseVector, multiVector),
);
export type VectorInput = Infer<typeof vectorInput>;

/** A vector with its name, the form of the older search endpoint. */
export const namedVector = named("NamedVector", object({ name: string(), vector: denseVector }));
export const searchVector = named(
  "NamedVectorStruct",
  union(denseVector, namedVector, object({ name: string(), vector: sparseVector })),
);

/** The vectors of a point as returned. */
export const vectorStructOutput = named("VectorStructOutput", union(denseVector, record(denseVector)));
export type VectorStructOutput = Infer<typeof vectorStructOutput>;

export const optionalVectorStructOutput = optional(vectorStructOutput);
