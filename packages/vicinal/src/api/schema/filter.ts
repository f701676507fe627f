/** The filter of requests. */
import { anyObject, type Infer, named } from "../../runtime/schema.js";

export const filter = named("Filter", anyObject(), { code: "BAD_FILTER" });
export type Filter = Infer<typeof filter>;
