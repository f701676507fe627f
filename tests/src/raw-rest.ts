/** REST as bytes on the wire: bodies are sent as they are, integers of answers are exact. */
import { isLosslessNumber, parse } from "lossless-json";

export interface Answer {
  status: number;
  text: string;
  /** Undefined when the answer is no JSON. Integers beyond 2^53 - 1 are `bigint`. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  json: any;
}

export class RawRest {
  constructor(private readonly url: string) {}

  /** @param body Text is sent as it is, anything else as JSON, `bigint` as digits. */
  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined || typeof body === "string" ? body : toJson(body),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    return { status: response.status, text, json: isJson ? exact(parse(text)) : undefined };
  }

  /** The `result` of an answer; throws what the server said when it refused. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  async result(method: string, path: string, body?: unknown): Promise<any> {
    const { status, text, json } = await this.call(method, path, body);
    if (status !== 200) throw new Error(`${method} ${path}: ${status} ${text}`);
    return json.result;
  }
}

function toJson(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(toJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${toJson(member)}`).join(",")}}`;
}

/** A parsed answer with `number` where that is exact, else `bigint`. */
function exact(value: unknown): unknown {
  if (isLosslessNumber(value)) {
    if (!/^-?\d+$/.test(value.value)) return Number(value.value);
    const integer = BigInt(value.value);
    return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
  }
  if (Array.isArray(value)) return value.map(exact);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, exact(member)]));
}
