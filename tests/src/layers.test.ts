/** The law of the house: what may import what. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));
const engine = join(root, "packages/vicinal/src");

/** Each room and the rooms that it may import from, itself included. */
const law: Record<string, string[]> = {
  platform: ["platform", "runtime", "storage"],
  runtime: ["runtime", "platform"],
  codec: ["codec", "runtime"],
  index: ["index", "codec", "runtime", "platform"],
  storage: ["storage", "runtime"],
  objects: ["objects", "query", "index", "codec", "storage", "runtime"],
  text: ["text", "runtime"],
  payload: ["payload", "text", "storage", "runtime"],
  segment: ["segment", "index", "payload", "text", "storage", "runtime"],
  query: ["query", "segment", "index", "payload", "text", "storage", "runtime"],
  analysis: ["analysis", "segment", "index", "codec", "payload", "text", "storage", "runtime"],
  advisor: ["advisor", "segment", "index", "runtime", "platform"],
  api: [
    "api",
    "advisor",
    "query",
    "analysis",
    "segment",
    "index",
    "payload",
    "text",
    "storage",
    "runtime",
    "platform",
  ],
};

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.ts$/.test(path) && !/\.test\.(helper\.)?ts$/.test(path) ? [path] : [];
  });
}

function imports(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const found = [...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^"';]*?from\s+["']([^"']+)["']/g)];
  const dynamic = [...text.matchAll(/\bimport\(\s*["']([^"']+)["']\s*\)/g)];
  const bare = [...text.matchAll(/(?:^|\n)\s*import\s+["']([^"']+)["']/g)];
  return [...found, ...dynamic, ...bare].map((match) => match[1]);
}

const files = sources(engine);

test("no room imports from one above it", () => {
  const broken: string[] = [];
  let edges = 0;
  for (const file of files) {
    const [room, rest] = relative(engine, file).split(/[\\/]/);
    if (rest === undefined) continue;
    expect(law, `${room} has no place in the law`).toHaveProperty(room);
    for (const target of imports(file)) {
      let targetRoom: string | undefined;
      if (target.startsWith("#platform/")) targetRoom = "platform";
      else if (target.startsWith("."))
        [targetRoom] = relative(engine, resolve(dirname(file), target)).split(/[\\/]/);
      if (targetRoom === undefined) continue;
      edges++;
      if (!law[room].includes(targetRoom)) broken.push(`${relative(engine, file)} imports ${target}`);
    }
  }
  expect(broken).toEqual([]);
  expect(edges).toBeGreaterThan(100);
});

test("the engine imports no package, and node: only in its platform room", () => {
  const broken = files.flatMap((file) =>
    imports(file)
      .filter((target) => !target.startsWith(".") && !target.startsWith("#platform/"))
      .filter((target) => !(target.startsWith("node:") && relative(engine, file).startsWith("platform")))
      .map((target) => `${relative(engine, file)} imports ${target}`),
  );
  expect(broken).toEqual([]);
});

test("only the platform room names the DOM or Node's globals", () => {
  const names =
    /(?<![.\w"'`])(?:navigator\.|localStorage\.|indexedDB\.|sessionStorage\.|process\.|Buffer\.|__dirname\b|require\(|new Worker\(|document\.(?:get|query|create|body)|window\.(?:add|location|document))/;
  const broken = files
    .filter((file) => !relative(engine, file).startsWith("platform"))
    .filter((file) =>
      readFileSync(file, "utf8")
        .split("\n")
        .some((line) => !/^\s*(\*|\/\/|\/\*)/.test(line) && names.test(line)),
    )
    .map((file) => relative(engine, file));
  expect(broken).toEqual([]);
});

test("extraction names node: only in its platform room's half for Node", () => {
  const extract = join(root, "packages/extract/src");
  const extraction = sources(extract);
  const broken = extraction
    .filter((file) => !/^platform[\\/]node[\\/]/.test(relative(extract, file)))
    .flatMap((file) =>
      imports(file)
        .filter((target) => target.startsWith("node:") || target.includes("platform/node/"))
        .map((target) => `${relative(extract, file)} imports ${target}`),
    );
  expect(broken).toEqual([]);
  expect(extraction.length).toBeGreaterThan(30);
});
