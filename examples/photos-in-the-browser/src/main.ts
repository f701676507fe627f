/** `npm start -w examples/photos-in-the-browser`: bundles the page and serves it, with the model's file beside it. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "vite";

const usage = `photos [--port <n>] [--models <folder>]

Serves the page on this machine. The folder of models (default: VICINAL_MODELS) holds mobilenet_v2/mobilenet_v2.onnx.`;

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      port: { type: "string", default: "5173" },
      models: { type: "string", default: process.env.VICINAL_MODELS },
      help: { type: "boolean" },
    },
  });
  if (values.help || !values.models) {
    console.log(usage);
    return values.help ? 0 : 1;
  }
  const root = fileURLToPath(new URL("..", import.meta.url));
  const site = join(root, "dist/site");
  await build({
    root,
    configFile: false,
    logLevel: "error",
    // The worker loads what it needs when it needs it, which only modules can.
    worker: { format: "es" },
    build: { outDir: site, emptyOutDir: true },
  });
  const models = resolve(values.models);
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://page").pathname);
    const [folder, name] = path.startsWith("/models/")
      ? [models, path.slice(8)]
      : [site, path === "/" ? "index.html" : path.slice(1)];
    void send(folder, name, response);
  });
  await new Promise<void>((listening, failed) => {
    server.once("error", failed);
    server.listen(Number(values.port), "127.0.0.1", listening);
  });
  console.log(`Open http://127.0.0.1:${(server.address() as AddressInfo).port}/ (Ctrl+C ends it)`);
  return new Promise((done) => {
    process.once("SIGINT", () => {
      server.closeAllConnections();
      server.close(() => done(0));
    });
  });
}

async function send(folder: string, name: string, response: ServerResponse): Promise<void> {
  const path = resolve(folder, name);
  const found = path.startsWith(folder + sep) ? await stat(path).catch(() => undefined) : undefined;
  if (!found?.isFile()) return void response.writeHead(404).end();
  response.writeHead(200, {
    "content-type": types[extname(path)] ?? "application/octet-stream",
    "content-length": found.size,
  });
  createReadStream(path)
    .on("error", () => response.destroy())
    .pipe(response);
}
