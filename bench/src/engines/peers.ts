/** The peers live in `bench/peers`, a package of its own, so that nobody installs them without asking for them. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const peersPackage = fileURLToPath(new URL("../../peers/package.json", import.meta.url));

/** A file of a peer. */
export function peerPath(path: string): string {
  return fileURLToPath(new URL(`../../peers/node_modules/${path}`, import.meta.url));
}

/** Loads a peer by its package name; the caller states the part of its interface that it uses. */
export function loadPeer<T>(name: string): { module: T; version: string } {
  try {
    const module = createRequire(peersPackage)(name) as T;
    const manifest = new URL(`../../peers/node_modules/${name}/package.json`, import.meta.url);
    return { module, version: JSON.parse(readFileSync(manifest, "utf8")).version };
  } catch (cause) {
    throw new Error(`the peer ${name} is not installed: run \`npm install --prefix bench/peers\``, { cause });
  }
}
