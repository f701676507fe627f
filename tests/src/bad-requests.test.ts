/** Requests that never reach the engine. */
import { describe, expect, test } from "vitest";
import { bodyLimitBytes, good, servedCollections } from "./bad-input.js";
import { snapshot } from "./homes.js";

const served = servedCollections();

describe("requests that never reach the engine", () => {
  const bodies = {
    cut: '{"points":[{"id":1,',
    word: "points",
    twice: '{"limit":1}{"limit":2}',
    comma: '{"limit":1,}',
  };
  test.each(Object.entries(bodies))("malformed JSON: %s", async (_, body) => {
    const { status, json } = await served().rest.call("POST", "/collections/points/points/scroll", body);
    expect(status).toBe(400);
    expect(json.status.error).toMatch(/^Format error in JSON body: /);
  });

  test("a body that is too large", async () => {
    const before = await snapshot(served().database);
    const body = JSON.stringify({ points: [{ ...good, payload: { text: "x".repeat(bodyLimitBytes) } }] });
    const { status, json } = await served().rest.call("PUT", "/collections/points/points", body);
    expect(status).toBe(413);
    expect(json.status.error).toBe(`JSON payload is larger than allowed (limit: ${bodyLimitBytes} bytes).`);
    expect(await snapshot(served().database)).toEqual(before);
  });

  test("no body", async () => {
    const { status, json } = await served().rest.call("PUT", "/collections/points/points");
    expect(status).toBe(400);
    expect(json.status.error).toContain("expected");
  });

  test.each(["-1", "1.5", "18446744073709551616", "not-a-uuid"])("the id %s in a path", async (id) => {
    const { status, json } = await served().rest.call("GET", `/collections/points/points/${id}`);
    expect(status).toBe(400);
    expect(json.status.error).toContain("path parameters");
    expect(json.status.error).toContain(id);
  });

  test("a path that is no URL", async () => {
    const { status, json } = await served().rest.call("GET", "/collections/%E0%A4%A");
    expect(status).toBe(400);
    expect(json.status.error).toContain("/collections/%E0%A4%A");
  });

  test("an unknown path", async () => {
    const { status, json } = await served().rest.call("POST", "/collections/points/pints", {});
    expect(status).toBe(404);
    expect(json.status.error).toContain("/collections/points/pints");
  });
});
