import { describe } from "vitest";
import { testConformance } from "./directory-conformance.test.helper.js";
import { MemoryDirectory } from "./memory-directory.js";

describe("MemoryDirectory", () => {
  testConformance(async () => MemoryDirectory.empty());
});
