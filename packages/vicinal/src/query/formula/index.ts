/**
 * formula: score boosting, a score for each found point by an expression over scores, payloads and conditions.
 *
 *   expression  what a request writes    compile  what it comes to    decay  its three curves
 *   field-value what it takes a payload's field for                   ranking the points in its order
 */
export { compileFormula, type Defaults, type Formula, operationNames } from "./compile.js";
export { decayFault } from "./decay.js";
export { type Decay, type DecayKind, type Expression, type Operation, tryVariable } from "./expression.js";
export { rankByFormula } from "./ranking.js";
