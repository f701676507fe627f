// Bundles the library that projects vectors (umap-js, Apache-2.0, with ml-levenberg-marquardt and ml-matrix in it, MIT) into
// src/analysis/bundled/, so that the engine needs no package at run time. The licences are in THIRD-PARTY.md.
//
// The library's own browser build is taken as it is; only the way it is handed over changes, from a global to an export. The
// version is pinned in package.json: positions are the same for the same seed only within one version.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(import.meta.url);
const target = new URL("../src/analysis/bundled/", import.meta.url);

const library = join(require.resolve("umap-js/package.json"), "..", "lib", "umap-js.min.js");
const code = (await readFile(library, "utf8")).replace(/\/\/# sourceMappingURL=.*/, "").trim();
if (!code.startsWith('!function(t,e){"object"==typeof exports&&"object"==typeof module?module.exports=e()'))
  throw new Error("umap-js: unexpected form");

await mkdir(target, { recursive: true });
await writeFile(
  new URL("umap.ts", target),
  `// Written by tools/bundle-analysis.mjs from umap-js; do not edit. Licences: THIRD-PARTY.md.
// @ts-nocheck
export interface FuzzySet {
  readonly nRows: number;
  readonly nCols: number;
  getAll(): readonly { row: number; col: number; value: number }[];
  getValues(): number[];
  map(change: (value: number, row: number, col: number) => number): FuzzySet;
}
export interface Umap {
  setPrecomputedKNN(indices: number[][], distances: number[][]): void;
  initializeFit(rows: readonly unknown[]): number;
  step(): number;
  getEmbedding(): number[][];
  makeSearchGraph: () => unknown;
  fuzzySimplicialSet: (rows: readonly unknown[], neighbours: number) => FuzzySet;
}
export interface UmapParameters {
  nComponents?: number;
  nNeighbors?: number;
  minDist?: number;
  spread?: number;
  nEpochs?: number;
  random?: () => number;
}
const module: { exports: unknown } = { exports: {} };
(function (exports) {
${code}
}).call({}, module.exports);
export const UMAP: new (parameters: UmapParameters) => Umap = module.exports.UMAP;
`,
);
