/**
 * How nodes talk: `POST /cluster/call` over HTTP, the bodies in V8's structured form, which has exact integers, typed arrays and
 * bytes as they are. Who ends the request ends the operation. A secret that all nodes share keeps others out, and so do certificates
 * where there are any: then both sides show one that the same authority has signed, and nothing goes in the clear.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer, Agent as TlsAgent, request as tlsRequest } from "node:https";
import { deserialize, serialize } from "node:v8";
import { type ErrorCode, errorCatalogue } from "vicinal/protocol";
import { VicinalError } from "vicinal/shard";
import type { CallOptions, Transport } from "./transport.js";

const PATH = "/cluster/call";
/** Of one request: a batch of points. */
const BODY_BYTES_MAX = 256 * 2 ** 20;
/** A node that does not take a connection for so long is taken for gone. */
const CONNECT_MS = 1000;

export interface Call {
  target: { collection: string; shard: number };
  operation: string;
  args: readonly unknown[];
  options: Omit<CallOptions, "signal">;
}

/** What a node shows the others, and by what it knows them: PEM. The certificate is for the host that others reach it by. */
export interface NodeTls {
  ca: Buffer | string;
  cert: Buffer | string;
  key: Buffer | string;
}

type Run = (call: Call, signal: AbortSignal) => Promise<unknown>;

type Answer = { result: unknown } | { error: { code: string; message: string; details: unknown } };

export class NodeListener {
  readonly #server: Server;
  readonly url: string;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  /** ADDRESS_UNAVAILABLE; BAD_REQUEST where the certificates are none. */
  static async listen(
    { host, port, secret, tls }: { host: string; port: number; secret?: string; tls?: NodeTls },
    run: Run,
  ): Promise<NodeListener> {
    const handle = (incoming: IncomingMessage, response: ServerResponse) =>
      void answer(incoming, response, secret, run);
    const server = tls ? tlsServer(tls, handle) : createServer(handle);
    server.keepAliveTimeout = 60_000;
    server.listen(port, host);
    try {
      await once(server, "listening");
    } catch (cause) {
      const why = (cause as Error).message;
      throw new VicinalError(
        "ADDRESS_UNAVAILABLE",
        `Cannot listen at ${host}:${port}: ${why}`,
        { host, port },
        { cause },
      );
    }
    const { port: taken } = server.address() as { port: number };
    return new NodeListener(server, `${tls ? "https" : "http"}://${host}:${taken}`);
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function tlsServer(
  tls: NodeTls,
  handle: (incoming: IncomingMessage, response: ServerResponse) => void,
): Server {
  try {
    return createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: true }, handle);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new VicinalError(
      "BAD_REQUEST",
      `The certificates for other nodes cannot be used: ${why}`,
      { field: "tls" },
      { cause },
    );
  }
}

async function answer(
  incoming: IncomingMessage,
  response: ServerResponse,
  secret: string | undefined,
  run: Run,
): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const send = (status: number, body: Answer) => {
    if (response.destroyed) return;
    response.writeHead(status, { "content-type": "application/octet-stream" }).end(serialize(body));
  };
  try {
    if (incoming.method !== "POST" || incoming.url !== PATH)
      return send(404, failure(new VicinalError("BAD_REQUEST", `There is no ${incoming.url} here`)));
    if (!isSecret(incoming.headers.authorization, secret))
      return send(403, failure(new VicinalError("FORBIDDEN", "The node's secret is another")));
    const call = deserialize(await bodyOf(incoming)) as Call;
    send(200, { result: await run(call, gone.signal) });
  } catch (reason) {
    send(200, failure(reason));
  }
}

function isSecret(given: string | undefined, secret: string | undefined): boolean {
  if (secret === undefined) return true;
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given ?? ""), digest(`Bearer ${secret}`));
}

async function bodyOf(incoming: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of incoming) {
    bytes += part.length;
    if (bytes > BODY_BYTES_MAX)
      throw new VicinalError("BODY_TOO_LARGE", `A call between nodes has at most ${BODY_BYTES_MAX} bytes`);
    parts.push(part);
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

function failure(reason: unknown): Answer {
  const message = reason instanceof Error ? reason.message : String(reason);
  if (!(reason instanceof VicinalError)) return { error: { code: "INTERNAL", message, details: {} } };
  return { error: { code: reason.code, message, details: reason.details } };
}

export class HttpTransport implements Transport {
  readonly #agent: Agent;
  readonly #isSafe: boolean;
  readonly #url: (node: string) => string;
  readonly #secret: string | undefined;

  /**
   * @param url Where a node answers; throws where it is not in the cluster.
   * @param tls With it only nodes are called that have it, too.
   */
  constructor(url: (node: string) => string, secret?: string, tls?: NodeTls) {
    const options = { keepAlive: true, maxSockets: 256 };
    this.#agent = tls ? new TlsAgent({ ...options, ...tls }) : new Agent(options);
    this.#isSafe = tls !== undefined;
    this.#url = url;
    this.#secret = secret;
  }

  /** SHARD_UNAVAILABLE where the node does not answer; what came of a write is not known then. */
  async call(
    node: string,
    target: { collection: string; shard: number },
    operation: string,
    args: readonly unknown[],
    { signal, ...options }: CallOptions = {},
  ): Promise<unknown> {
    const call: Call = { target, operation, args, options };
    const limit = options.timeoutMs === undefined ? [] : [AbortSignal.timeout(options.timeoutMs + 500)];
    const ends = AbortSignal.any([...(signal ? [signal] : []), ...limit]);
    let answer: Answer;
    try {
      answer = deserialize(await this.#send(`${this.#url(node)}${PATH}`, serialize(call), ends)) as Answer;
    } catch (cause) {
      if (cause instanceof VicinalError) throw cause;
      if (signal?.aborted)
        throw new VicinalError("CANCELLED", `The call to ${node} was cancelled`, { node }, { cause });
      const why = (cause as Error).message;
      throw new VicinalError(
        "SHARD_UNAVAILABLE",
        `Node ${node} does not answer: ${why}`,
        { node },
        { cause },
      );
    }
    if ("result" in answer) return answer.result;
    const { code, message, details } = answer.error;
    const known = Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : "INTERNAL";
    throw new VicinalError(known, message, details as Record<string, unknown>);
  }

  async #send(url: string, body: Buffer, signal: AbortSignal): Promise<Buffer> {
    const headers: Record<string, string | number> = { "content-length": body.length };
    if (this.#secret !== undefined) headers.authorization = `Bearer ${this.#secret}`;
    if (url.startsWith("https:") !== this.#isSafe)
      throw new Error(
        this.#isSafe ? `${url} is without TLS` : `${url} wants TLS, for which this node has no certificate`,
      );
    const call = this.#isSafe ? tlsRequest : request;
    const sent = call(url, { method: "POST", agent: this.#agent, headers, signal });
    const timer = setTimeout(
      () => sent.destroy(new Error(`no connection within ${CONNECT_MS} ms`)),
      CONNECT_MS,
    );
    sent.once("socket", (socket) => {
      if (!socket.connecting) clearTimeout(timer);
      else socket.once(this.#isSafe ? "secureConnect" : "connect", () => clearTimeout(timer));
    });
    try {
      sent.end(body);
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      return await bodyOf(response);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}
