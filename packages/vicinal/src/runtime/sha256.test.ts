import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { Sha256 as BrowserSha256 } from "../platform/browser/sha256.js";
import { Sha256 } from "./sha256.js";

test.each([
  ["the platform's", Sha256],
  ["the browser's", BrowserSha256],
])("%s digest of pieces is that of the whole", (_name, Hash) => {
  for (const size of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 70_001]) {
    const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 31 + size) & 255);
    const hash = new Hash();
    for (let offset = 0, step = 1; offset < size; offset += step, step = (step * 3) % 997)
      hash.update(bytes.subarray(offset, offset + step));
    expect(hash.hex(), `${size} bytes`).toBe(createHash("sha256").update(bytes).digest("hex"));
  }
});
