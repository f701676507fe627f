/** `vicinal embed` with a registered model of a few weights: folders, records, files, resuming, and what cannot be read. */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registerModel } from "@vicinal/extract";
import { createServer } from "@vicinal/server";
import { encode } from "fast-png";
import { open } from "vicinal";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { run } from "./index.js";
import { readPoints } from "./readers/source.js";

let folder: string;
let data: string;
let photos: string;
let output: string;
let errors: string;

/** Protobuf: a field of bytes, or of a small number. */
function field(number: number, value: Buffer | string | number): Buffer {
  if (typeof value === "number") return Buffer.from([number * 8, value]);
  const bytes = Buffer.from(value as string);
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length % 128) | 128, bytes.length >> 7];
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), bytes]);
}

/** ONNX: `features` are the means of the channels of `pixel_values`. */
function meanOfChannels(): Buffer {
  const sizes = ["n", 3, "h", "w"].map((size) => field(1, field(typeof size === "number" ? 1 : 2, size)));
  const type = field(1, Buffer.concat([field(1, 1), field(2, Buffer.concat(sizes))]));
  const value = (name: string) => Buffer.concat([field(1, name), field(2, type)]);
  const node = [field(1, "pixel_values"), field(2, "features"), field(4, "GlobalAveragePool")];
  const graph = [
    field(1, Buffer.concat(node)),
    field(2, "mean"),
    field(11, value("pixel_values")),
    field(12, value("features")),
  ];
  return Buffer.concat([field(1, 8), field(7, Buffer.concat(graph)), field(8, field(2, 13))]);
}

function png([red, green, blue]: readonly number[]): Uint8Array {
  const data = Uint8Array.from({ length: 4 * 4 * 3 }, (_, i) => [red, green, blue][i % 3]);
  return encode({ width: 4, height: 4, channels: 3, data });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vicinal-embed-"));
  data = join(folder, "data");
  photos = join(folder, "photos");
  mkdirSync(join(photos, "deep"), { recursive: true });
  writeFileSync(join(folder, "mean.onnx"), meanOfChannels());
  vi.stubEnv("VICINAL_MODELS", folder);
  registerModel("mean-colour", {
    modality: "image",
    input: "pixel_values",
    output: "features",
    dimensions: 3,
    metric: "Euclid",
    licence: "none",
    preparation: { width: 4, height: 4, fit: "fill", mean: [0, 0, 0], deviation: [1, 1, 1] },
    file: { path: "mean.onnx" },
  });
  for (const [name, colour] of Object.entries(colours)) writeFileSync(join(photos, name), png(colour));
  output = "";
  errors = "";
  vi.spyOn(console, "log").mockImplementation((text) => {
    output += `${text}\n`;
  });
  vi.spyOn(console, "error").mockImplementation((text) => {
    errors += `${text}\n`;
  });
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const colours = { "red.png": [255, 0, 0], "green.png": [0, 255, 0], "deep/blue.png": [0, 0, 255] };

const into = () => ["--model", "mean-colour", "--into", data, "--collection", "photos"];

async function namesNear(query: number[], where = data): Promise<unknown[]> {
  const database = await open(where);
  try {
    const { points } = await database.query("photos", { query, with_payload: ["key"] });
    return points.map(({ payload }) => payload?.key);
  } finally {
    await database.close();
  }
}

it("fills a collection from a folder, goes on where it was, and prunes", async () => {
  expect(await run(["embed", photos, ...into(), "--batch", "2"])).toBe(0);
  expect(output).toBe("3 stored, 0 unchanged, 0 failed of 3\n");
  expect(await namesNear([0, 0.1, 1])).toEqual(["deep/blue.png", "green.png", "red.png"]);
  writeFileSync(join(photos, "white.png"), png([255, 255, 255]));
  rmSync(join(photos, "red.png"));
  output = "";
  expect(await run(["embed", photos, ...into(), "--prune"])).toBe(0);
  expect(output).toBe("1 stored, 2 unchanged, 0 failed of 3, 1 deleted\n");
  expect(await namesNear([0.9, 0.9, 1])).toEqual(["white.png", "deep/blue.png", "green.png"]);
});

it("names what cannot be read, stores the others, and says so with its exit code", async () => {
  writeFileSync(join(photos, "broken.png"), "no picture");
  expect(await run(["embed", photos, ...into()])).toBe(2);
  expect(output).toBe("3 stored, 0 unchanged, 1 failed of 4\n");
  expect(errors).toMatch(/^broken.png: .*no JPEG and no PNG|^broken.png: .*decoded/m);
});

it("keeps files of the same name in several folders apart", async () => {
  const other = join(folder, "other");
  mkdirSync(other);
  writeFileSync(join(other, "red.png"), png([200, 0, 0]));
  expect(await run(["embed", photos, other, ...into()])).toBe(0);
  expect(output).toBe("4 stored, 0 unchanged, 0 failed of 4\n");
  expect((await namesNear([0.78, 0, 0])).slice(0, 2)).toEqual([`${other}/red.png`, `${photos}/red.png`]);
});

it("fills a server's collection", async () => {
  const database = await open(":memory:");
  const server = createServer({ database });
  try {
    const { url } = await server.listen({ host: "127.0.0.1", port: 0 });
    const there = ["--model", "mean-colour", "--into", url, "--collection", "photos", "--using", "colour"];
    expect(await run(["embed", photos, ...there])).toBe(0);
    expect(await run(["embed", photos, ...there])).toBe(0);
    expect(output).toContain("0 stored, 3 unchanged");
    rmSync(join(photos, "red.png"));
    expect(await run(["embed", photos, ...there, "--prune"])).toBe(0);
    expect((await database.count("photos", { exact: true })).count).toBe(2);
    const { points } = await database.query("photos", {
      query: [0, 1, 0],
      using: "colour",
      limit: 1,
      with_payload: true,
    });
    expect(points[0].payload).toMatchObject({ key: "green.png", model: "mean-colour" });
  } finally {
    await server.close();
    await database.close();
  }
});

it("takes records, of which bad ones fail alone, and keeps their other fields", async () => {
  const records = [
    '{"id": 7, "file": "photos/red.png", "label": "stop"}',
    '{"file": "photos/green.png"}',
    '{"file": 5}',
    '{"file": "photos/absent.png"}',
    "not JSON",
    "",
  ];
  writeFileSync(join(folder, "list.jsonl"), records.join("\n"));
  const out = join(folder, "vectors.jsonl");
  expect(await run(["embed", join(folder, "list.jsonl"), "--model", "mean-colour", "--out", out])).toBe(2);
  expect(errors.trim().split("\n")).toHaveLength(3);
  expect(errors).toMatch(/line 3: no text in the field "file"/);
  expect(errors).toMatch(/absent.png does not exist/);
  expect(errors).toMatch(/line 5: no JSON/);
  const lines = readFileSync(out, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.map(({ vector }) => vector)).toEqual([
    [1, 0, 0],
    [0, 1, 0],
  ]);
  expect(lines[0].payload).toMatchObject({ key: "7", id: 7, label: "stop", file: "photos/red.png" });
});

it("appends to JSON lines what they lack, after a run that was killed within a line", async () => {
  const out = join(folder, "vectors.jsonl");
  const again = ["embed", photos, "--model", "mean-colour", "--out", out];
  expect(await run(again)).toBe(0);
  const whole = readFileSync(out, "utf8");
  writeFileSync(out, whole.slice(0, -20));
  expect(await run(again)).toBe(0);
  expect(output).toContain("1 stored, 2 unchanged");
  expect(readFileSync(out, "utf8")).toBe(whole);
  expect(await run(["import", "photos", out, "--data", data, "--distance", "Euclid"])).toBe(0);
  expect(await namesNear([1, 0.1, 0])).toEqual(["red.png", "green.png", "deep/blue.png"]);
  appendFileSync(out, "something else\n");
  expect(await run(again)).toBe(1);
  expect(errors).toMatch(/line 4: no point that embed has written/);
});

it("writes npy, with the rows' items beside it", async () => {
  const out = join(folder, "vectors.npy");
  const cache = ["--cache", join(folder, "cache")];
  expect(await run(["embed", photos, "--model", "mean-colour", "--out", out, ...cache])).toBe(0);
  // 32 bytes of key and 8 of checksum around the numbers.
  const [kept] = readdirSync(join(folder, "cache")).filter((name) => !name.includes("older"));
  expect(statSync(join(folder, "cache", kept)).size).toBe(3 * (32 + 3 * 4 + 8));
  expect(await run(["embed", photos, "--model", "mean-colour", "--out", out, ...cache])).toBe(0);
  const rows: number[][] = [];
  for await (const { point } of readPoints(out, { firstId: 0 }))
    rows.push(Array.from(point.vector as Float32Array));
  expect(rows).toEqual([
    [0, 0, 1],
    [0, 1, 0],
    [1, 0, 0],
  ]);
  const keys = readFileSync(`${out}.jsonl`, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).payload.key);
  expect(keys).toEqual(["deep/blue.png", "green.png", "red.png"]);
});

it("lists the models", async () => {
  expect(await run(["embed", "--models"])).toBe(0);
  expect(output).toMatch(/^mobilenet-v2 +image +1280 +Cosine +Apache-2.0/m);
});

it.each([
  [[], /--model/],
  [["x"], /--model/],
  [["--model", "mean-colour", "--out", "a.npy"], /folders, files/],
  [["x", "--model", "mean-colour"], /--into and --out/],
  [["x", "--model", "mean-colour", "--into", "data"], /--collection/],
  [["absent", "--model", "mean-colour", "--out", "a.npy"], /absent does not exist/],
  [["x", "--model", "no-such", "--out", "a.npy"], /no model no-such/],
])("refuses %j, saying what is missing", async (args, why) => {
  expect(await run(["embed", ...args])).toBe(1);
  expect(errors).toMatch(why);
});
