/** Archives over HTTP: sent as they are read, and received as they arrive. */
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type SnapshotArchive, VicinalError } from "vicinal/protocol";
import { FormBody } from "./multipart.js";

export function sendArchive(reply: FastifyReply, archive: SnapshotArchive): FastifyReply {
  return reply
    .header("content-type", "application/octet-stream")
    .header("content-length", archive.size)
    .header("content-disposition", `attachment; filename="${archive.name}"`)
    .send(Readable.from(archive, { objectMode: false }));
}

/**
 * Lets the routes of `scope` take forms. Browsers send forms to other origins without asking, so a page that may not call is
 * refused here.
 */
export function acceptForms(scope: FastifyInstance, mayCall: (origin: string) => boolean): void {
  scope.addContentTypeParser("multipart/form-data", async (request: FastifyRequest, payload: Readable) => {
    const { origin, host } = request.headers;
    const isForeign = origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host);
    if (isForeign && !mayCall(origin))
      throw new VicinalError("FORBIDDEN", `Forbidden: Pages of ${origin} may not call`);
    return new FormBody(payload, request.headers);
  });
  // Of a form that was refused unread.
  scope.addHook("onResponse", async (request) => {
    request.raw.resume();
  });
}
