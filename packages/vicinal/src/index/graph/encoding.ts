/** How the vectors of a graph are compared while it is built and walked. */
import { encodingOf } from "../tree/parameters.js";

/** Answers are always refined on the floats. */
export type Encoding = "int8" | "float32";

export { encodingOf };
