/** Downloads from a server on this machine: whole, named when whole, and refused in words. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dataFolder } from "./folder.js";

let server: Server;
let cache: string;
let asked = 0;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "vicinal-data-"));
  asked = 0;
  server = createServer((request, response) => {
    asked++;
    if (request.url === "/missing") response.writeHead(404).end();
    else if (request.url === "/short") {
      response.writeHead(200, { "content-length": 100 }).write("only this");
      setTimeout(() => response.destroy(), 20);
    } else response.end(`part ${request.url}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  await rm(cache, { recursive: true, force: true });
});

function set(...paths: string[]) {
  const { port } = server.address() as AddressInfo;
  return {
    urls: paths.map((path) => `http://127.0.0.1:${port}${path}`),
    licence: "for tests",
    unpack: (parts: Uint8Array[]) =>
      new Map(parts.map((part, i) => [`deep/${i}.txt`, Buffer.from(part).toString().toUpperCase()])),
  };
}

test("downloads a set once", async () => {
  const options = { folder: "", cache };
  const folder = await dataFolder("letters", set("/a", "/b"), options);
  expect(await readFile(join(folder, "deep/1.txt"), "utf8")).toBe("PART /B");
  expect(await dataFolder("letters", set("/a", "/b"), options)).toBe(folder);
  expect(asked).toBe(2);
});

test("what breaks off leaves nothing behind", async () => {
  const options = { folder: "", cache };
  await expect(dataFolder("letters", set("/a", "/short"), options)).rejects.toThrow();
  await expect(dataFolder("letters", set("/missing"), options)).rejects.toThrow("answers 404");
  expect(await readdir(cache)).toEqual([]);
});

test("a folder that was given is not filled", async () => {
  await expect(dataFolder("letters", set("/a"), { folder: cache })).rejects.toThrow("has no folder letters");
  expect(asked).toBe(0);
});
