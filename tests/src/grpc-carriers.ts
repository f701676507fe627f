/** Who carries a test's messages to a server: the official JavaScript client, or Python's gRPC packages. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type DescFile, type DescMethodUnary, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { file_qdrant, QdrantClient } from "@qdrant/js-client-grpc";
import type { Carry } from "./rest-as-grpc.js";

export interface Carrier {
  carry: Carry;
  close(): Promise<void>;
}

const services = ((file_qdrant as DescFile).dependencies ?? []).flatMap((file) => file.services);

function unaryMethod(service: string, name: string): DescMethodUnary {
  const found = services
    .find(({ typeName }) => typeName === `qdrant.${service}`)
    ?.methods.find((method) => method.name === name);
  if (found?.methodKind !== "unary") throw new Error(`No method qdrant.${service}/${name}`);
  return found as DescMethodUnary;
}

/** The official client, given whole messages. */
export function javascriptCarrier(port: number): Carrier {
  const client = new QdrantClient({ host: "127.0.0.1", port, https: false, checkCompatibility: false });
  return {
    async carry(service, name, request) {
      const method = unaryMethod(service, name);
      const api = client.api(service.toLowerCase() as "collections" | "points");
      const call = (api as unknown as Record<string, (message: unknown) => Promise<never>>)[method.localName];
      const answer = await call(fromJson(method.input, request as JsonValue));
      return toJson(method.output, answer) as Record<string, unknown>;
    },
    async close() {},
  };
}

const script = fileURLToPath(new URL("../python/grpc_calls.py", import.meta.url));
const pythons = [process.env.PYTHON, "/usr/bin/python3", "python3"];

/** A Python that has gRPC (Debian's `python3-grpcio`), where there is one. */
export function pythonWithGrpc(): string | undefined {
  return pythons.find(
    (python) => python && spawnSync(python, ["-c", "import grpc, google.protobuf"]).status === 0,
  );
}

/** A process of that Python, one call at a time. */
export function pythonCarrier(python: string, port: number): Carrier {
  const child: ChildProcess = spawn(python, [script, `127.0.0.1:${port}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  if (!child.stdin || !child.stdout) throw new Error("no pipes to Python");
  const { stdin } = child;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, "exit");
  let turn: Promise<unknown> = Promise.resolve();
  const ask = async (question: string): Promise<Record<string, unknown>> => {
    stdin.write(`${question}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error("Python ended");
    const answer = JSON.parse(value) as Record<string, unknown>;
    if (answer.code) throw new Error(`${answer.code}: ${answer.details}`);
    return answer.response as Record<string, unknown>;
  };
  return {
    carry(service, method, request) {
      const question = JSON.stringify({ service: `qdrant.${service}`, method, request });
      const answer = turn.then(() => ask(question));
      turn = answer.catch(() => undefined);
      return answer;
    },
    async close() {
      stdin.end();
      await ended;
    },
  };
}
