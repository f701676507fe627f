/** `vicinal search`: the nearest points of a vector, or of a point that is stored. */
import { parseJson, stringifyJson } from "vicinal/protocol";
import { plainVectors, type QueryRequest, type ScoredPoint, type Target, withClient } from "../client.js";
import { UserError } from "../errors.js";
import { explanationLines } from "./explanation.js";

export interface SearchOptions extends Target {
  vector?: string;
  id?: string;
  using?: string;
  limit: number;
  filter?: string;
  recall?: number;
  ef?: number;
  effort?: number;
  exact?: boolean;
  explain?: boolean;
  withVector?: boolean;
  json?: boolean;
}

export async function search(collection: string, options: SearchOptions): Promise<void> {
  const request = requestOf(options);
  await withClient(options, "read", async (client) => {
    const started = performance.now();
    const { points, explain } = await client.query(collection, request);
    const took = performance.now() - started;
    if (options.json) {
      const plain = points.map((point) => ({ ...point, vector: plainVectors(point.vector) }));
      console.log(stringifyJson(explain ? { points: plain, explain } : plain));
      return;
    }
    for (const point of points) console.log(line(point));
    console.error(`${points.length} points in ${took.toFixed(2)} ms`);
    if (explain) for (const text of explanationLines(explain)) console.error(text);
  });
}

function requestOf(options: SearchOptions): QueryRequest {
  const { vector, id, using, limit, filter, recall, ef, effort, exact, explain, withVector } = options;
  if ((vector === undefined) === (id === undefined)) throw new UserError("give one of --vector and --id");
  if ([recall, ef, effort, exact].filter((dial) => dial !== undefined).length > 1) {
    throw new UserError("give one of --recall, --ef, --effort and --exact");
  }
  return {
    query: vector !== undefined ? vectorOf(vector) : idOf(id as string),
    limit,
    ...(using === undefined ? {} : { using }),
    ...(filter === undefined ? {} : { filter: objectOf(filter) }),
    params: {
      ...(recall === undefined ? {} : { recall }),
      ...(ef === undefined ? {} : { hnsw_ef: ef }),
      ...(effort === undefined ? {} : { effort }),
      ...(exact === undefined ? {} : { exact }),
      ...(explain === undefined ? {} : { explain }),
    },
    with_payload: true,
    with_vector: withVector ?? false,
  };
}

function vectorOf(text: string): number[] {
  const value = json(text, "--vector");
  if (!Array.isArray(value) || !value.every((part) => typeof part === "number")) {
    throw new UserError("--vector is no JSON array of numbers");
  }
  return value;
}

function idOf(text: string): number | bigint | string {
  return /^\d+$/.test(text) ? (parseJson(text.replace(/^0+(?=\d)/, "")) as number | bigint) : text;
}

function objectOf(text: string): Record<string, unknown> {
  const value = json(text, "--filter");
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UserError("--filter is no JSON object");
  }
  return value as Record<string, unknown>;
}

function json(text: string, option: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new UserError(`${option} is no JSON: ${(cause as Error).message}`, { cause });
  }
}

function line({ id, score, payload, vector }: ScoredPoint): string {
  const parts = [String(id), score.toFixed(6), payload ? stringifyJson(payload) : "{}"];
  if (vector !== undefined && vector !== null) parts.push(stringifyJson(plainVectors(vector)));
  return parts.join("\t");
}
