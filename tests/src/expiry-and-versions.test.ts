/** What Vicinal adds to writes, over HTTP: times to live, and conditions on versions. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Served, serve } from "./homes.js";

let served: Served;
const at = "/collections/points/points";

beforeEach(async () => {
  served = await serve();
  await served.rest.result("PUT", "/collections/points", {
    vectors: { size: 1, distance: "Dot" },
    ttl: { seconds: 3600 },
  });
});
afterEach(() => served.close());

const put = (body: object) => served.rest.call("PUT", `${at}?wait=true`, body);
const ids = async () =>
  (await served.rest.result("POST", `${at}/scroll`, {})).points.map(({ id }: { id: number }) => id);

test("points expire, by the wall's clock", async () => {
  const { config } = await served.rest.result("GET", "/collections/points");
  expect(config.params.ttl).toEqual({ seconds: 3600 });
  await put({
    points: [
      { id: 1, vector: [1], ttl_seconds: 0.05 },
      { id: 2, vector: [2] },
    ],
  });
  await expect.poll(ids).toEqual([2]);
  const { status, text } = await put({ points: [{ id: 3, vector: [1], ttl_seconds: 0 }] });
  expect(status).toBe(422);
  expect(text).toContain("ttl_seconds");
});

test("a write for another version answers 409 and names the point", async () => {
  const { operation_id: version } = await served.rest.result("PUT", `${at}?wait=true`, {
    points: [{ id: 1, vector: [1] }],
    if_version: 0,
  });
  const [point] = await served.rest.result("POST", at, { ids: [1], with_version: true });
  expect(point.version).toBe(version);
  const { status, text } = await put({ points: [{ id: 1, vector: [2] }], if_version: 0 });
  expect(status).toBe(409);
  expect(text).toContain(
    `Version conflict: point 1: expected that it does not exist, but it has version ${version}`,
  );
  expect((await put({ points: [{ id: 1, vector: [2] }], if_version: version })).status).toBe(200);
});
