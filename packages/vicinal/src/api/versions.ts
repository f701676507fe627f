/** Writes on the condition that nobody else has written since the caller read. */
import type { PointId } from "../payload/id.js";
import { VicinalError } from "../runtime/errors.js";
import type { WriteView } from "../segment/write-view.js";

/**
 * VERSION_CONFLICT names the first of the points whose version is not the expected one.
 * @param expected 0: the points must not exist. Undefined: anything will do.
 */
export function checkVersions(
  view: WriteView,
  ids: readonly PointId[],
  expected: number | null | undefined,
): void {
  if (typeof expected !== "number") return;
  for (const id of ids) {
    const actual = view.version(id) ?? 0;
    if (actual === expected) continue;
    const found = actual === 0 ? "it does not exist" : `it has version ${actual}`;
    const wanted = expected === 0 ? "that it does not exist" : `version ${expected}`;
    throw new VicinalError(
      "VERSION_CONFLICT",
      `Version conflict: point ${id}: expected ${wanted}, but ${found}`,
      {
        id,
        expected,
        actual,
      },
    );
  }
}
