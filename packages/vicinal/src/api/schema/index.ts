/** Requests and answers of the API: validation, TypeScript types and OpenAPI components from one source. */
export * from "./aliases.js";
export * from "./collections.js";
export * from "./common.js";
export * from "./facets.js";
export * from "./field-index.js";
export * from "./filter.js";
export * from "./formula.js";
export * from "./groups.js";
export * from "./inference.js";
export * from "./order-by.js";
export * from "./points.js";
export * from "./query.js";
export * from "./relevance-feedback.js";
export * from "./rerank.js";
export * from "./results.js";
export * from "./vectors.js";
