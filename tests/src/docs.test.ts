/**
 * The documentation is true: its TypeScript passes the compiler and runs, its commands run, its links lead somewhere,
 * and its table of errors is the catalogue.
 *
 * The blocks of a document run in order, in one folder of its own. What a fence's words mean:
 *
 *   ts                a module of its own
 *   ts continued      goes on in the module of the block before
 *   ts models         a module that runs where VICINAL_MODELS and VICINAL_DATA name folders, and passes the compiler anywhere
 *   text output       what the block before prints, exactly
 *   jsonl <file>      is written to that file first (any language will do)
 *   sh                runs when it begins with `npx vicinal` or `curl`; a server that it starts stays until the document ends
 *
 * Port 6333 stands for one that is free.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { errorCatalogue } from "vicinal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Block, parseMarkdown } from "./markdown.js";

const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));
/** Inside the workspace, so that modules find its packages. */
const modules = join(root, "tests/.tmp/docs");
const ci = process.env.CI === "true";
const hasModels = Boolean(process.env.VICINAL_MODELS && process.env.VICINAL_DATA);

function markdownFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return markdownFiles(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

const paths = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...markdownFiles("docs"),
  ...["packages", "examples"].flatMap((rooms) =>
    readdirSync(join(root, rooms)).map((name) => join(rooms, name, "README.md")),
  ),
  "bench/README.md",
].filter((path) => existsSync(join(root, path)));

/** Something that runs, and what it must print. */
interface Step {
  kind: "module" | "shell" | "file";
  line: number;
  text: string;
  /** The module's or file's name. */
  name: string;
  output?: string;
  /** Runs only where data and models are. */
  models?: boolean;
}

function stepsOf(path: string, blocks: Block[]): Step[] {
  const steps: Step[] = [];
  for (const { info, text, line } of blocks) {
    const [language, word] = info;
    const last = steps.at(-1);
    if (language === "ts" && word === "continued" && last?.kind === "module") last.text += text;
    else if (language === "ts")
      steps.push({
        kind: "module",
        line,
        text,
        name: `${path.replace(/\W+/g, "-")}-${line}`,
        models: word === "models",
      });
    else if (language === "text" && word === "output" && last) last.output = text;
    else if (language === "sh" && /^(npx vicinal|curl) /.test(text))
      steps.push({ kind: "shell", line, text, name: "" });
    else if (word !== undefined && language !== "text") steps.push({ kind: "file", line, text, name: word });
  }
  return steps;
}

const documents = paths.map((path) => {
  const markdown = parseMarkdown(readFileSync(join(root, path), "utf8"));
  return { path, ...markdown, steps: stepsOf(path, markdown.blocks) };
});

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer().on("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** Checks all modules as one program and writes their JavaScript beside them; returns what the compiler says. */
function compile(steps: Step[]): string[] {
  const program = ts.createProgram(
    steps.map(({ name }) => join(modules, `${name}.mts`)),
    {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      moduleDetection: ts.ModuleDetectionKind.Force,
      strict: true,
      skipLibCheck: true,
      types: ["node"],
    },
  );
  const diagnostics = ts.getPreEmitDiagnostics(program);
  program.emit();
  return diagnostics.map(({ file, start, messageText }) => {
    const text = ts.flattenDiagnosticMessageText(messageText, "\n");
    if (!file) return text;
    const step = steps.find(({ name }) => file.fileName.endsWith(`/${name}.mts`));
    const { line } = file.getLineAndCharacterOfPosition(start ?? 0);
    return `${relative(modules, file.fileName)}, line ${line + 1} of the block at line ${step?.line}: ${text}`;
  });
}

const bash = ["bash", "curl"].every((command) => spawnSync(command, ["--version"]).status === 0);
if (!bash && !ci)
  console.warn("docs: bash or curl is absent, so the commands of the documentation are skipped");

/** Standard output of a command that must end well; one that takes too long is ended with all that it started. */
function run(command: string, args: string[], cwd: string): Promise<string> {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const timer = setTimeout(() => process.kill(-(child.pid as number), "SIGKILL"), 55_000);
    child.on("error", failed);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) done(stdout);
      else failed(new Error(`${[command, ...args].join(" ")}: ${code ?? signal}\n${stdout}\n${stderr}`));
    });
  });
}

/** `npx` finds the workspace's own command; a failure inside a pipe counts. */
const prelude = `set -eo pipefail; npx() { "${root}/node_modules/.bin/$1" "\${@:2}"; }; `;

/** Starts a command that goes on; resolves once it says where it answers. */
function serve(text: string, cwd: string): Promise<ChildProcess> {
  const command = text.trim().replace(/^npx /, `exec "${root}/node_modules/.bin/"`);
  const child = spawn("bash", ["-c", command], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  return new Promise((done, failed) => {
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => {
        said += chunk;
        if (/http:\/\//.test(said)) done(child);
      });
    child.on("close", () => failed(new Error(`${text} ended: ${said}`)));
  });
}

beforeAll(() => {
  rmSync(modules, { recursive: true, force: true });
  mkdirSync(modules, { recursive: true });
});
afterAll(() => rmSync(modules, { recursive: true, force: true }));

describe("code", () => {
  const withCode = documents.filter(({ steps }) => steps.length > 0);
  const ports = new Map<string, number>();

  test("passes the compiler", { timeout: 60_000 }, async () => {
    const all: Step[] = [];
    for (const { path, steps } of withCode) {
      const port = await freePort();
      ports.set(path, port);
      for (const step of steps) {
        step.text = step.text.replaceAll("6333", String(port));
        if (step.kind !== "module") continue;
        writeFileSync(join(modules, `${step.name}.mts`), step.text);
        all.push(step);
      }
    }
    expect(all.length).toBeGreaterThan(5);
    expect(compile(all)).toEqual([]);
  });

  test.each(withCode)("$path runs", { timeout: 60_000 }, async ({ path, steps }) => {
    const folder = mkdtempSync(join(tmpdir(), "vicinal-docs-"));
    const servers: ChildProcess[] = [];
    try {
      for (const step of steps) {
        if (step.models && !hasModels) continue;
        const printed = await runStep(step, folder, ports.get(path) ?? 0, servers).catch((error: Error) => {
          throw new Error(`${path}, line ${step.line}: ${error.message}`);
        });
        if (step.output !== undefined && printed !== undefined)
          expect(printed, `what ${path}, line ${step.line} prints`).toBe(step.output);
      }
    } finally {
      for (const server of servers) await ended(server);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** What the step prints; undefined when it prints nothing that could be compared. */
async function runStep(
  step: Step,
  folder: string,
  port: number,
  servers: ChildProcess[],
): Promise<string | undefined> {
  if (step.kind === "file") {
    writeFileSync(join(folder, step.name), step.text);
    return undefined;
  }
  if (step.kind === "module") return run(process.execPath, [join(modules, `${step.name}.mjs`)], folder);
  if (!bash && !ci) return undefined;
  if (!step.text.startsWith("npx vicinal serve")) return run("bash", ["-c", prelude + step.text], folder);
  servers.push(await serve(`${step.text.trim()} --port ${port}`, folder));
  return undefined;
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    if (child.exitCode !== null) return done();
    child.on("close", () => done());
    child.kill("SIGTERM");
  });
}

test("relative links lead to files and headings that exist", () => {
  const broken: string[] = [];
  let followed = 0;
  for (const { path, links, anchors } of documents) {
    for (const { target, line } of links) {
      if (/^[a-z]+:/.test(target)) continue;
      followed++;
      const [file, fragment] = target.split("#");
      const goal = resolve(root, dirname(path), file);
      const there = file === "" ? anchors : anchorsOf(goal);
      if (!there || (fragment && !there.has(fragment))) broken.push(`${path}:${line}: ${target}`);
    }
  }
  expect(broken).toEqual([]);
  expect(followed).toBeGreaterThan(20);
});

/** Undefined for a file that does not exist; no anchors for one that is no Markdown. */
function anchorsOf(file: string): Set<string> | undefined {
  if (!existsSync(file)) return undefined;
  return file.endsWith(".md") ? parseMarkdown(readFileSync(file, "utf8")).anchors : new Set();
}

test("docs/errors.md is the error catalogue", () => {
  const text = readFileSync(join(root, "docs/errors.md"), "utf8");
  const rows = [...text.matchAll(/^\| `([A-Z_]+)` \| (\d+) \| (.+) \|$/gm)];
  const documented = rows.map(([, code, status, summary]) => [code, Number(status), summary]);
  const catalogue = Object.entries(errorCatalogue).map(([code, { status, summary }]) => [
    code,
    status,
    summary,
  ]);
  expect(documented).toEqual(catalogue);
});
