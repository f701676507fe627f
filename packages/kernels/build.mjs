// Compiles assembly/ to WebAssembly and writes each build as a module of packages/vicinal/src/runtime/wasm, so that
// the engine needs no file at run time, only an import of the one build that the platform takes.
//
//   strict         what every platform with SIMD runs
//   relaxed        the same with relaxed SIMD (fused multiply-add)
//
// Both import a shared memory, for threads. Nothing in them is atomic, so one byte makes of each a build for ordinary
// memory (runtime/kernels.ts), for pages that are not cross-origin isolated.
//
// Nothing is done when the output is newer than every source. `--force` builds all the same.
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const source = join(here, "assembly");
const target = join(here, "..", "vicinal", "src", "runtime", "wasm");

const common = [
  "--optimizeLevel",
  "3",
  "--shrinkLevel",
  "0",
  "--converge",
  "--noAssert",
  "--runtime",
  "stub",
  "--importMemory",
  "--initialMemory",
  "1",
  "--enable",
  "simd",
];
const shared = ["--sharedMemory", "--maximumMemory", "65536", "--enable", "threads"];
const builds = {
  strict: [...common, ...shared],
  relaxed: [...common, ...shared, "--enable", "relaxed-simd"],
};

const modified = async (path) => (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;

async function upToDate() {
  const sources = (await readdir(source)).map((name) => join(source, name));
  const newest = Math.max(...(await Promise.all([...sources, fileURLToPath(import.meta.url)].map(modified))));
  const outputs = Object.keys(builds).map((name) => join(target, `${name}.ts`));
  const oldest = Math.min(...(await Promise.all(outputs.map(modified))));
  return oldest > newest;
}

/** Compiles one build; returns its bytes. */
async function compile(asc, name, options) {
  let bytes;
  const { error, stderr } = await asc.main(
    ["index.ts", "--baseDir", source, "--outFile", "kernels.wasm", ...options],
    {
      writeFile(file, contents) {
        if (file.endsWith(".wasm")) bytes = contents;
      },
    },
  );
  if (error || !bytes) {
    console.error(stderr.toString());
    throw error ?? new Error(`The compiler wrote nothing for build ${name}`);
  }
  return bytes;
}

if (!process.argv.includes("--force") && (await upToDate())) process.exit(0);

const asc = await import("assemblyscript/asc");
await mkdir(target, { recursive: true });
for (const [name, options] of Object.entries(builds)) {
  const bytes = await compile(asc, name, options);
  const text = Buffer.from(bytes).toString("base64");
  await writeFile(
    join(target, `${name}.ts`),
    `// Built from packages/kernels/assembly; do not edit.\nexport const wasm: string =\n  "${text}";\n`,
  );
  console.log(`kernels ${name.padEnd(16)} ${String(bytes.length).padStart(6)} bytes`);
}
