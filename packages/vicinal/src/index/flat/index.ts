/** The flat family: exact scans. */
import { VicinalError } from "../../runtime/errors.js";
import type { IndexFamily } from "../contract.js";
import { FlatIndex } from "./flat-index.js";

export { FlatIndex, type ManyResult, searchManyBytes } from "./flat-index.js";

/** Flat has no parameters and nothing to build. */
export const flat: IndexFamily<Record<string, never>> = {
  family: "flat",
  parameters(given) {
    if (
      given !== undefined &&
      (typeof given !== "object" || given === null || Object.keys(given).length > 0)
    ) {
      throw new VicinalError("BAD_REQUEST", "A flat index takes no parameters");
    }
    return {};
  },
  async build(store, _parameters, options) {
    options.progress?.(store.count, store.count);
    return new FlatIndex(store);
  },
  async load(store) {
    return new FlatIndex(store);
  },
};
