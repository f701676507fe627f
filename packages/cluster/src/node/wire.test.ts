import { VicinalError } from "vicinal/shard";
import { afterEach, expect, test } from "vitest";
import { type Call, HttpTransport, NodeListener } from "./wire.js";

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

const target = { collection: "c", shard: 1 };

async function connect(run: (call: Call, signal: AbortSignal) => Promise<unknown>, secrets = ["s", "s"]) {
  const listener = await NodeListener.listen({ host: "127.0.0.1", port: 0, secret: secrets[0] }, run);
  const transport = new HttpTransport(
    (node) => (node === "a" ? listener.url : "http://127.0.0.1:1"),
    secrets[1],
  );
  close = async () => {
    transport.close();
    await listener.close();
  };
  return transport;
}

test("calls arrive as they are: large integers, numbers in arrays, bytes", async () => {
  const transport = await connect(async ({ target, operation, args, options }) => ({
    target,
    operation,
    args,
    options,
  }));
  const args = [
    { id: 2n ** 63n, vector: Float32Array.of(1, 2), payload: new Uint8Array([1, 2]), none: undefined },
  ];
  expect(await transport.call("a", target, "upsert", args, { minSequence: 7 })).toEqual({
    target,
    operation: "upsert",
    args,
    options: { minSequence: 7 },
  });
});

test("errors keep their code and details", async () => {
  const transport = await connect(async ({ operation }) => {
    if (operation === "x") throw new TypeError("oops");
    throw new VicinalError("WRONG_DIMENSION", "expected 2", { path: "vector", expected: 2 });
  });
  await expect(transport.call("a", target, "upsert", [])).rejects.toMatchObject({
    code: "WRONG_DIMENSION",
    status: 400,
    details: { expected: 2 },
  });
  await expect(transport.call("a", target, "x", [])).rejects.toMatchObject({
    code: "INTERNAL",
    message: "oops",
  });
});

test("a node that is not there, one that takes too long, and one with another secret", async () => {
  const transport = await connect(() => new Promise(() => {}), ["s", "s"]);
  await expect(transport.call("b", target, "count", [])).rejects.toMatchObject({ code: "SHARD_UNAVAILABLE" });
  const slow = transport.call("a", target, "count", [], { timeoutMs: 1 });
  await expect(slow).rejects.toMatchObject({ code: "SHARD_UNAVAILABLE" });
  await close?.();
  const other = await connect(async () => 1, ["s", "t"]);
  await expect(other.call("a", target, "count", [])).rejects.toMatchObject({ code: "FORBIDDEN" });
});

test("who cancels a call cancels the operation", async () => {
  let ended = false;
  let start = () => {};
  const started = new Promise<void>((resolve) => {
    start = resolve;
  });
  const transport = await connect(async (_call, signal) => {
    start();
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    ended = true;
  });
  const cancel = new AbortController();
  const call = transport.call("a", target, "query", [], { signal: cancel.signal });
  await started;
  cancel.abort();
  await expect(call).rejects.toMatchObject({ code: "CANCELLED" });
  await expect.poll(() => ended).toBe(true);
});
