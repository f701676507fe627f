/** Vicinal: the vector database for TypeScript. */
export { type ErrorCode, errorCatalogue, VicinalError } from "./runtime/errors.js";
