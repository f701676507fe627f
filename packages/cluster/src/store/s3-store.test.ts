/** What a server of the S3 protocol can do to a client: pages, refusals, silence, half an answer. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { S3Store } from "./s3-store.js";

const opened: { server: Server; store: S3Store }[] = [];
afterEach(async () => {
  for (const { server, store } of opened.splice(0)) {
    await store.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function storeOver(answer: RequestListener): Promise<S3Store> {
  process.env.AWS_ACCESS_KEY_ID = "key";
  process.env.AWS_SECRET_ACCESS_KEY = "secret";
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const store = new S3Store({ bucket: "b", prefix: "p", endpoint, attempts: 3, delayMs: 1, deadlineMs: 300 });
  opened.push({ server, store });
  return store;
}

const error = (code: string) =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;

test("lists page after page", async () => {
  const asked: (string | null)[] = [];
  const store = await storeOver((request, response) => {
    const { searchParams } = new URL(request.url ?? "", "http://x");
    asked.push(searchParams.get("continuation-token"));
    const page = Number(searchParams.get("continuation-token") ?? 0);
    const more = page < 2 ? `<NextContinuationToken>${page + 1}</NextContinuationToken>` : "";
    response.end(`<?xml version="1.0"?><ListBucketResult><IsTruncated>${page < 2}</IsTruncated>${more}
      <Contents><Key>p/x/${page}</Key><Size>${page}</Size></Contents></ListBucketResult>`);
  });
  const found: { key: string; size: number }[] = [];
  for await (const one of store.list("x/")) found.push(one);
  expect(found).toEqual([0, 1, 2].map((page) => ({ key: `x/${page}`, size: page })));
  expect(asked).toEqual([null, "1", "2"]);
});

test.each([
  [503, "SlowDown"],
  [500, "InternalError"],
  [429, "TooManyRequests"],
])("%i is tried again, %s, and the body is sent again", async (status, code) => {
  const bodies: string[] = [];
  const store = await storeOver((request, response) => {
    let body = "";
    request.on("data", (piece) => {
      body += piece;
    });
    request.on("end", () => {
      bodies.push(body);
      response.statusCode = bodies.length < 3 ? status : 200;
      response.end(bodies.length < 3 ? error(code) : "");
    });
  });
  await store.put("object", new TextEncoder().encode("content"));
  expect(bodies).toEqual(["content", "content", "content"]);
});

test("attempts are bounded, and the last failure is told", async () => {
  let count = 0;
  const store = await storeOver((_, response) => {
    count++;
    response.statusCode = 503;
    response.end(error("SlowDown"));
  });
  await expect(store.get("object")).rejects.toMatchObject({
    code: "IO",
    message: expect.stringContaining("Cannot get s3://b/p/object: SlowDown"),
  });
  expect(count).toBe(3);
});

test("what is forbidden is not tried again", async () => {
  let count = 0;
  const store = await storeOver((_, response) => {
    count++;
    response.statusCode = 403;
    response.end(error("AccessDenied"));
  });
  await expect(store.put("object", Uint8Array.of(1))).rejects.toMatchObject({
    code: "IO",
    message: expect.stringContaining("AccessDenied"),
  });
  expect(count).toBe(1);
});

test("without credentials nothing is sent, and the reason is told", async () => {
  let count = 0;
  const store = await storeOver((_, response) => {
    count++;
    response.end();
  });
  const nowhere = "/nowhere";
  vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", undefined);
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", nowhere);
  vi.stubEnv("AWS_CONFIG_FILE", nowhere);
  try {
    await expect(store.get("object")).rejects.toMatchObject({
      code: "IO",
      message: expect.stringContaining("CredentialsProviderError"),
    });
  } finally {
    vi.unstubAllEnvs();
  }
  expect(count).toBe(0);
});

test("a server that falls silent is given up on, before and within an answer", async () => {
  let count = 0;
  const store = await storeOver((request, response) => {
    count++;
    if (!request.url?.includes("half")) return;
    response.setHeader("content-length", "10");
    response.write("12345");
  });
  const late = { code: "IO", message: expect.stringContaining("no answer within 300 ms") };
  await expect(store.get("none")).rejects.toMatchObject(late);
  await expect(store.get("half")).rejects.toMatchObject(late);
  expect(count).toBe(6);
});

test("an answer that ends early is fetched again, or is CORRUPTION where it claims to be whole", async () => {
  let count = 0;
  const store = await storeOver((request, response) => {
    count++;
    if (request.url?.includes("short")) response.end("123");
    else if (count === 1) {
      response.setHeader("content-length", "10");
      response.write("12345");
      setTimeout(() => response.destroy(), 20);
    } else response.end("1234567890");
  });
  expect(new TextDecoder().decode(await store.get("cut"))).toBe("1234567890");
  await expect(store.get("short", { offset: 0, length: 10 })).rejects.toMatchObject({
    code: "CORRUPTION",
    message: expect.stringContaining("s3://b/p/short"),
  });
});

test("an upload in parts that fails is taken back", async () => {
  const asked: string[] = [];
  const store = await storeOver((request, response) => {
    request.resume();
    request.on("end", () => {
      const { searchParams } = new URL(request.url ?? "", "http://x");
      const part = searchParams.get("partNumber");
      asked.push(`${request.method}${part ? ` ${part}` : ""}`);
      if (part === "2") {
        response.statusCode = 403;
        response.end(error("AccessDenied"));
      } else if (request.method === "POST")
        response.end(
          `<?xml version="1.0"?><InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`,
        );
      else response.setHeader("etag", '"e"').end();
    });
  });
  await expect(store.put("large", new Uint8Array(17 * 2 ** 20))).rejects.toMatchObject({
    message: expect.stringContaining("AccessDenied"),
  });
  expect(asked[0]).toBe("POST");
  expect(asked.at(-1)).toBe("DELETE");
  expect(asked.filter((one) => one === "POST")).toHaveLength(1);
});
