import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Gives new folders, which are deleted after the file's tests. */
export function temporaryFolders(): () => string {
  const made: string[] = [];
  afterAll(() => {
    for (const path of made) fs.rmSync(path, { recursive: true, force: true });
  });
  return () => {
    const path = fs.mkdtempSync(join(tmpdir(), "vicinal-test-"));
    made.push(path);
    return path;
  };
}
