import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// Tests are compiled with the sources and run as what ships: dist/**/*.test.js.
export default defineConfig({
  test: {
    include: ["{packages,examples}/*/dist/**/*.test.js", "{tests,bench}/dist/**/*.test.js"],
    exclude: ["**/node_modules/**"],
    testTimeout: 30_000,
    pool: "forks",
    // Many files wait for disks, timers and processes: one each processor, rather than one less.
    maxWorkers: availableParallelism(),
    // Only what is worth a look; a test that starts processes takes a second.
    slowTestThreshold: 5_000,
  },
});
