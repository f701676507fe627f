/**
 * The engine in a page of a real browser, bundled as its users bundle it: once on an ordinary page, and once on one
 * that is cross-origin isolated, where memories are shared and indexes are built in workers.
 */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Seen } from "./browser-page.js";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const present = existsSync(executablePath);
if (!present) {
  console.log(`Skipped, no browser: there is no ${executablePath} (set CHROMIUM to the path of one)`);
  test.runIf(process.env.CI === "true")("there is a browser", () => {
    expect.fail(`There is no ${executablePath}`);
  });
}

const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};
const types: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

/** Bundles the page's program beside its compiled form, where `vicinal` is found. */
async function bundle(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "index.html"), '<script type="module" src="./main.js"></script>');
  await writeFile(join(folder, "main.js"), 'import "../browser-page.js";');
  await build({ root: folder, logLevel: "warn", configFile: false });
  return join(folder, "dist");
}

/** Serves the files of a folder. */
async function serveFolder(folder: string, headers: Record<string, string>): Promise<Server> {
  const server = createServer(async (request, response) => {
    const path = request.url === "/" ? "/index.html" : (request.url as string);
    try {
      const bytes = await readFile(join(folder, path));
      response
        .writeHead(200, { ...headers, "content-type": types[extname(path)] ?? "text/plain" })
        .end(bytes);
    } catch {
      response.writeHead(404, headers).end();
    }
  });
  await new Promise<void>((listening) => {
    server.listen(0, "127.0.0.1", listening);
  });
  return server;
}

async function runPage(url: string): Promise<Seen & { workers: number }> {
  const profile = await mkdtemp(join(tmpdir(), "vicinal-browser-"));
  const browser = await chromium.launchPersistentContext(profile, { executablePath, args, headless: true });
  try {
    const page = await browser.newPage();
    const said: string[] = [];
    let workers = 0;
    page.on("worker", () => {
      workers++;
    });
    page.on("pageerror", (error) => said.push(String(error)));
    page.on("console", (message) => said.push(message.text()));
    page.on("requestfailed", (request) => said.push(`${request.url()} failed`));
    await page.goto(url);
    const seen = page.evaluate(() => (globalThis as unknown as { seen: Promise<Seen> }).seen);
    return {
      ...(await seen.catch((error: unknown) => {
        throw new Error(`${error}\n${said.join("\n")}`);
      })),
      workers,
    };
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
}

describe.runIf(present)("in Chromium", () => {
  const folder = join(import.meta.dirname, `bundle-${process.pid}`);
  let files: string;

  beforeAll(async () => {
    files = await bundle(folder);
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each([
    ["an ordinary page", false],
    ["a cross-origin isolated page", true],
  ])("%s", { timeout: 90_000 }, async (_, isolated) => {
    const server = await serveFolder(files, isolated ? isolation : {});
    try {
      const seen = await runPage(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      expect(seen.isolated).toBe(isolated);
      expect(seen.points).toBe(2000);
      expect(seen.exact.found).toEqual(seen.exact.expected);
      expect(seen.filtered.found).toEqual(seen.filtered.expected);
      expect(seen.indexed).toBe(2000);
      expect(seen.workers > 0).toBe(isolated);
      expect(seen.recall).toBeGreaterThanOrEqual(0.94);
      expect(seen.refused).toEqual({ nan: "BAD_VECTOR", folder: "UNSUPPORTED" });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
