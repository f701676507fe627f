/** The filter of requests. */
export { type Condition, type Filter, filterSchema as filter } from "../../payload/filter-schema.js";
