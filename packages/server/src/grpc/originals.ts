/** The service `vicinal.Originals`: a point's blobs as streams of bytes. Vicinal's own, beside Qdrant's services. */
import { create, type DescMessage, type DescService, type Message } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { type EngineApi, parsePointIdText, VicinalError } from "vicinal/protocol";
import { Metered } from "../metered.js";
import type { RequestTally } from "../tally.js";
import { onlyService, originalsFile } from "./descriptors.js";
import { statusOf } from "./status.js";

export const originalsService: DescService = onlyService(originalsFile);

/** Of one message: clients take 4 MiB where nobody has told them otherwise. */
const MESSAGE_BYTES = 2 ** 20;

interface Point {
  collectionName: string;
  id: { case?: "num"; value: bigint } | { case: "uuid"; value: string };
}
type Part<Head> = {
  part: { case: "head"; value: Head } | { case: "bytes"; value: Uint8Array } | { case?: undefined };
};
type Named = { point?: Point; name: string };

/** What a call is answered with, and which collection it is counted for. */
interface Call {
  engine: EngineApi;
  /** Learns the collection once the request says it. */
  about(point: Point | undefined): readonly [collection: string, id: bigint | number | string];
}

export function addOriginals(router: ConnectRouter, engine: EngineApi, tally: RequestTally): void {
  const { put, get, delete: remove, list } = originalsService.method;
  const answer = (desc: DescMessage, fields: object) => create(desc, fields as never) as Message;
  /** Counts a call, and turns what it throws into a status. */
  async function* counted(
    name: string,
    { requestHeader }: HandlerContext,
    run: (call: Call) => AsyncGenerator<Message>,
  ): AsyncGenerator<Message> {
    const startedMs = performance.now();
    const operationId = requestHeader.get("idempotency-key") ?? undefined;
    let collection: string | undefined;
    const count = (code: number) =>
      tally.add(
        `/${originalsService.typeName}/${name}`,
        code,
        performance.now() - startedMs,
        code === 0,
        collection,
      );
    try {
      yield* run({
        engine: new Metered(engine, { operationId }).engine,
        about: (point) => {
          const place = placeOf(point);
          [collection] = place;
          return place;
        },
      });
      count(0);
    } catch (error) {
      const status = statusOf(error);
      count(status.code);
      throw status;
    }
  }
  const single = async (answers: AsyncGenerator<Message>): Promise<Message> => {
    const found: Message[] = [];
    for await (const one of answers) found.push(one);
    return found[0];
  };

  const methods = {
    put: (requests: AsyncIterable<Part<Named & { type: string }>>, context: HandlerContext) =>
      single(
        counted("Put", context, async function* ({ engine, about }) {
          const parts = requests[Symbol.asyncIterator]();
          const { done, value } = await parts.next();
          if (done || value.part.case !== "head") throw refused("part", "the first message has no head");
          const { point, name, type } = value.part.value;
          const bytes = bytesOf(parts);
          const source = { type: type || "application/octet-stream", bytes };
          const made = await engine.putBlob(...about(point), name, source);
          yield answer(put.output, { original: originalOf(name, made) });
        }),
      ),
    get: (request: Named & { start: bigint; length: bigint }, context: HandlerContext) =>
      counted("Get", context, async function* ({ engine, about }) {
        const { point, name, start, length } = request;
        const range = { start: Number(start), ...(length > 0n ? { length: Number(length) } : {}) };
        const found = await engine.getBlob(
          ...about(point),
          name,
          start > 0n || length > 0n ? range : undefined,
        );
        const head = {
          original: create(original, originalOf(name, found) as never),
          start: BigInt(found.range.start),
          length: BigInt(found.range.length),
        };
        yield answer(get.output, { part: { case: "head", value: head } });
        for await (const piece of found.bytes)
          for (let from = 0; from < piece.length; from += MESSAGE_BYTES)
            yield answer(get.output, {
              part: { case: "bytes", value: piece.subarray(from, from + MESSAGE_BYTES) },
            });
      }),
    delete: (request: Named, context: HandlerContext) =>
      single(
        counted("Delete", context, async function* ({ engine, about }) {
          await engine.deleteBlob(...about(request.point), request.name);
          yield answer(remove.output, {});
        }),
      ),
    list: (request: { point?: Point }, context: HandlerContext) =>
      single(
        counted("List", context, async function* ({ engine, about }) {
          const [collection, id] = about(request.point);
          const [point] = await engine.retrieve(collection, {
            ids: [id],
            with_payload: false,
            with_blobs: true,
          } as never);
          if (!point) throw new VicinalError("POINT_NOT_FOUND", `There is no point ${id}`, { id });
          const blobs = Object.entries((point as { blobs?: Record<string, Described> }).blobs ?? {}).sort(
            ([a], [b]) => (a < b ? -1 : 1),
          );
          yield answer(list.output, { originals: blobs.map(([name, blob]) => originalOf(name, blob)) });
        }),
      ),
  };
  router.service(originalsService, methods as unknown as Partial<ServiceImpl<DescService>>);
}

const original = originalsFile.messages.find(({ name }) => name === "Original") as DescMessage;

interface Described {
  type: string;
  size: number;
  sha256: string;
}

function originalOf(name: string, { type, size, sha256 }: Described): object {
  return { name, type, size: BigInt(size), sha256 };
}

function placeOf(point: Point | undefined): readonly [string, bigint | number | string] {
  if (!point) throw refused("point", "is missing");
  if (point.id.case === undefined) throw refused("point.id", "is missing");
  return [point.collectionName, parsePointIdText(String(point.id.value))];
}

/** The bytes of the messages behind the head. */
async function* bytesOf(parts: AsyncIterator<Part<unknown>>): AsyncGenerator<Uint8Array> {
  for (let next = await parts.next(); !next.done; next = await parts.next()) {
    const { part } = next.value;
    if (part.case !== "bytes") throw refused("part", "a message behind the first has no bytes");
    yield part.value;
  }
}

function refused(path: string, why: string): VicinalError {
  return new VicinalError("BAD_REQUEST", `${path}: ${why}`, { path });
}
