/** Seeded random numbers; see runtime/random.ts. */
export { seededRandom, seededWords } from "../runtime/random.js";
