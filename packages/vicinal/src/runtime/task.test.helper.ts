/** Tasks for the pool's tests. */
import { VicinalError } from "./errors.js";
import type { TaskContext } from "./tasks.js";

export async function run(input: unknown, context: TaskContext): Promise<number> {
  const { kind, value } = input as { kind: string; value: number };
  switch (kind) {
    case "double":
      return value * 2;
    case "corrupt":
      throw new VicinalError("CORRUPTION", "bad bytes", { path: "x" });
    case "exit":
      (globalThis as unknown as { process: { exit(code: number): never } }).process.exit(3);
      return 0;
    case "wait":
      context.report(1, 2);
      while (!context.cancelled()) await new Promise((resolve) => setTimeout(resolve, 1));
      throw new VicinalError("CANCELLED", "stopped");
    default:
      throw new RangeError("crash");
  }
}
