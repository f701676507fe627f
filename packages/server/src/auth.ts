/** The API key: one secret for all operations, in the header `api-key` or as a bearer token. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { VicinalError } from "vicinal/protocol";

/** Paths that need no key: they say nothing of the data, and load balancers ask them. */
const open: ReadonlySet<string> = new Set(["/", "/healthz", "/livez", "/readyz"]);

/** Digests have one length, so that comparing them takes the same time whatever was sent. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/**
 * Makes the check of one key.
 * @returns A function that throws UNAUTHORIZED without a key and FORBIDDEN with a wrong one.
 */
export function keyCheck(apiKey: string): (path: string, headers: IncomingHttpHeaders) => void {
  const expected = digest(apiKey);
  return (path, headers) => {
    if (open.has(path)) return;
    const given = headers["api-key"] ?? /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1];
    if (typeof given !== "string")
      throw new VicinalError("UNAUTHORIZED", "Must provide an API key or an Authorization bearer token");
    if (!timingSafeEqual(digest(given), expected)) throw new VicinalError("FORBIDDEN", "Invalid API key");
  };
}
