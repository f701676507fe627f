/** The worker pool: results, errors, cancellation, more tasks than workers. */
import { afterAll, expect, test } from "vitest";
import { endIdleWorkers, runTask } from "./pool.js";

afterAll(endIdleWorkers);

const module = new URL("./task.test.helper.js", import.meta.url).href;

test("runs more tasks than there are workers, and gives back what they return", async () => {
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, i) => runTask<number>(module, { kind: "double", value: i })),
  );
  expect(results).toEqual(Array.from({ length: 20 }, (_, i) => i * 2));
});

test("passes on the catalogue's errors, and names others as ours", async () => {
  await expect(runTask(module, { kind: "corrupt" })).rejects.toMatchObject({
    code: "CORRUPTION",
    message: "bad bytes",
    details: { path: "x" },
  });
  await expect(runTask(module, { kind: "crash" })).rejects.toMatchObject({ code: "INTERNAL" });
  await expect(runTask(module, { kind: "exit" })).rejects.toMatchObject({ code: "INTERNAL" });
  expect(await runTask<number>(module, { kind: "double", value: 4 })).toBe(8);
});

test("cancels a task that looks", async () => {
  const stop = new AbortController();
  const seen: number[] = [];
  const running = runTask(
    module,
    { kind: "wait" },
    {
      signal: stop.signal,
      progress: (done) => {
        seen.push(done);
        stop.abort();
      },
    },
  );
  await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
  expect(seen[0]).toBe(1);
  await expect(runTask(module, { kind: "wait" }, { signal: stop.signal })).rejects.toMatchObject({
    code: "CANCELLED",
  });
});
