/** Originals: a point's blobs under URLs of their own, as bytes of their own type. Vicinal's own. */
import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply } from "fastify";
import {
  blobDescription,
  boolean,
  issueError,
  mediaType,
  type StoredBlob,
  string,
  under,
} from "vicinal/protocol";
import { PartError } from "./errors.js";
import { pathPointId } from "./parameters.js";
import { type Call, type Route, route } from "./route.js";

const blob = "/collections/{collection_name}/points/{id}/blobs/{blob_name}";
const anyType = "*/*";

/** What a request for a blob is answered with. */
export interface BlobAnswer {
  status: 200 | 206 | 304 | 416;
  headers: Record<string, string | number>;
  bytes?: AsyncIterable<Uint8Array>;
}

function placeOf({ collection, path }: Call<unknown, unknown>) {
  return [collection, pathPointId(path.id), path.blob_name] as const;
}

export const blobRoutes: readonly Route[] = [
  route("put_blob", "PUT", blob, "Give a point a blob", {
    result: blobDescription,
    media: { request: { type: anyType } },
    run: (call) => {
      const type = call.headers["content-type"] ?? "application/octet-stream";
      const bytes = (call.body as AsyncIterable<Uint8Array> | undefined) ?? new Uint8Array(0);
      return call.engine.putBlob(...placeOf(call), { type, bytes });
    },
  }),
  route("get_blob", "GET", blob, "Fetch a blob of a point, or a range of it", {
    result: string(),
    media: { response: anyType },
    run: async (call): Promise<BlobAnswer> => {
      const place = placeOf(call);
      const whole = await call.engine.getBlob(...place);
      const etag = `"${whole.sha256}"`;
      const headers = { ...safety, etag, "accept-ranges": "bytes" };
      if (isKnown(call.headers["if-none-match"], etag)) return { status: 304, headers };
      const range = rangeOf(call.headers, etag, whole.size);
      if (range === "none") {
        const none = { ...headers, "content-range": `bytes */${whole.size}` };
        return { status: 416, headers: none };
      }
      const sent = range ? await call.engine.getBlob(...place, range) : whole;
      // Between the two it may have been replaced.
      const found = sent.sha256 === whole.sha256 ? sent : await call.engine.getBlob(...place);
      return answerOf(found, { ...headers, etag: `"${found.sha256}"` });
    },
  }),
  route("delete_blob", "DELETE", blob, "Take a blob from a point", {
    result: boolean(),
    run: (call) => call.engine.deleteBlob(...placeOf(call)),
  }),
];

/** What anybody has stored is shown as what it is, and runs no scripts in the server's name. */
const safety = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; sandbox",
  "cache-control": "no-cache",
};

function answerOf({ type, size, range, bytes }: StoredBlob, headers: BlobAnswer["headers"]): BlobAnswer {
  const { start, length } = range;
  const own = { ...headers, "content-type": type, "content-length": length };
  if (length === size) return { status: 200, headers: own, bytes };
  const part = `bytes ${start}-${start + length - 1}/${size}`;
  return { status: 206, headers: { ...own, "content-range": part }, bytes };
}

function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const known = header.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return known.includes("*") || known.includes(etag);
}

/** Of one range; undefined where the whole is to be sent, as for several ranges. RFC 9110, section 14. */
function rangeOf(
  { range, "if-range": only }: IncomingHttpHeaders,
  etag: string,
  size: number,
): { start: number; length: number } | "none" | undefined {
  if (range === undefined || (only !== undefined && only !== etag)) return undefined;
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(range.trim()) ?? [];
  if (first === undefined || (first === "" && last === "")) return undefined;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "none" : { start: size - length, length };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== "" && Number(last) < start) return undefined;
  return start >= size ? "none" : { start, length: end - start + 1 };
}

export function sendBlob(reply: FastifyReply, { status, headers, bytes }: BlobAnswer): FastifyReply {
  reply.code(status).headers(headers);
  return bytes ? reply.send(Readable.from(bytes, { objectMode: false })) : reply.send();
}

/** Lets the routes of `scope` take bytes of any type, as they arrive. */
export function acceptBytes(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addHook("onRequest", async ({ headers }) => {
    const issue = mediaType.check(headers["content-type"] ?? anyType);
    if (issue) throw new PartError("headers", issueError(under("content-type", issue)));
  });
  scope.addContentTypeParser("*", async (_request: unknown, payload: Readable) => payload);
  // Of one that was refused, unread or in its midst.
  scope.addHook("onResponse", async (request) => {
    request.raw.resume();
  });
}
