/**
 * An ObjectStore in a bucket of S3 or of what speaks its protocol. Nothing but put, ranged get, list and delete is asked of it.
 * Each request has a deadline, body included, and what may pass is done again a bounded number of times. Uploads carry an MD5,
 * so that what arrives damaged is refused; what is read is checked by the reader, who knows its CRC-32C.
 */
import { createHash } from "node:crypto";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { endsEarly, fileNotFound, VicinalError } from "vicinal/shard";
import { checkKey } from "./keys.js";
import type { ObjectStore } from "./object-store.js";
import { retry } from "./retry.js";
import { MULTIPART_BYTES, uploadInParts } from "./s3-multipart.js";

export interface S3Options {
  bucket: string;
  /** Before every key, with a slash between. Default none. */
  prefix?: string;
  /** Default: Amazon's of the region. */
  endpoint?: string;
  /** Default: what the SDK finds, or "us-east-1" where an endpoint is given. */
  region?: string;
  /** Of one request, in milliseconds. Default 60,000. */
  deadlineMs?: number;
  /** How often a request is made in all. Default 5. */
  attempts?: number;
  /** The first wait before another attempt, in milliseconds. Default 100. */
  delayMs?: number;
}

export class S3Store implements ObjectStore {
  readonly location: string;
  readonly #client: S3Client;
  readonly #options: S3Options;

  constructor(options: S3Options) {
    const { bucket, prefix, endpoint, region } = options;
    this.#options = options;
    this.location = `s3://${bucket}${prefix ? `/${prefix}` : ""}`;
    this.#client = new S3Client({
      ...(region || endpoint ? { region: region ?? "us-east-1" } : {}),
      // Other servers seldom have a host name per bucket.
      ...(endpoint ? { endpoint, forcePathStyle: true } : {}),
      maxAttempts: 1,
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
    });
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const at = this.#at(key);
    if (bytes.length > MULTIPART_BYTES)
      return uploadInParts(this.#client, at, bytes, (work) => this.#request("put", key, work));
    const ContentMD5 = createHash("md5").update(bytes).digest("base64");
    await this.#request("put", key, async (abortSignal) => {
      await this.#client.send(new PutObjectCommand({ ...at, Body: bytes, ContentMD5 }), { abortSignal });
    });
  }

  async get(key: string, range?: { offset: number; length: number }): Promise<Uint8Array> {
    const at = this.#at(key);
    const name = `${this.location}/${key}`;
    if (range?.length === 0) return this.#getNothing(key, range.offset);
    const last = range && range.offset + range.length - 1;
    return this.#request("get", key, async (abortSignal) => {
      const Range = range && `bytes=${range.offset}-${last}`;
      const answer = await this.#client
        .send(new GetObjectCommand({ ...at, Range }), { abortSignal })
        .catch((reason) => {
          if (range && statusOf(reason) === 416)
            throw endsEarly(name, range.offset, range.length, range.offset);
          throw reason;
        });
      const bytes = (await answer.Body?.transformToByteArray()) ?? new Uint8Array(0);
      const expected = range?.length ?? answer.ContentLength ?? bytes.length;
      if (bytes.length < expected)
        throw endsEarly(name, range?.offset ?? 0, expected, (range?.offset ?? 0) + bytes.length);
      return bytes.subarray(0, expected);
    });
  }

  async *list(prefix: string): AsyncIterable<{ key: string; size: number }> {
    const root = this.#options.prefix ? `${this.#options.prefix}/` : "";
    let ContinuationToken: string | undefined;
    do {
      const page = { Bucket: this.#options.bucket, Prefix: root + prefix, ContinuationToken };
      const answer = await this.#request("list", prefix, (abortSignal) =>
        this.#client.send(new ListObjectsV2Command(page), { abortSignal }),
      );
      for (const { Key = "", Size = 0 } of answer.Contents ?? [])
        yield { key: Key.slice(root.length), size: Size };
      ContinuationToken = answer.IsTruncated ? answer.NextContinuationToken : undefined;
    } while (ContinuationToken);
  }

  async delete(key: string): Promise<void> {
    const at = this.#at(key);
    await this.#request("delete", key, async (abortSignal) => {
      await this.#client.send(new DeleteObjectCommand(at), { abortSignal });
    });
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  /** No range of HTTP is empty. */
  async #getNothing(key: string, offset: number): Promise<Uint8Array> {
    const { ContentLength = 0 } = await this.#request("get", key, (abortSignal) =>
      this.#client.send(new HeadObjectCommand(this.#at(key)), { abortSignal }),
    );
    if (offset > ContentLength) throw endsEarly(`${this.location}/${key}`, offset, 0, ContentLength);
    return new Uint8Array(0);
  }

  #at(key: string): { Bucket: string; Key: string } {
    checkKey(key);
    const { bucket, prefix } = this.#options;
    return { Bucket: bucket, Key: prefix ? `${prefix}/${key}` : key };
  }

  async #request<T>(action: string, key: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { attempts = 5, delayMs = 100, deadlineMs = 60_000 } = this.#options;
    try {
      return await retry(() => withDeadline(deadlineMs, work), { attempts, delayMs, passes });
    } catch (reason) {
      if (reason instanceof VicinalError) throw reason;
      const path = `${this.location}/${key}`;
      const name = reason instanceof Error ? reason.name : "";
      if (statusOf(reason) === 404 && action === "get" && name !== "NoSuchBucket") throw fileNotFound(path);
      // Absent is fine.
      if (statusOf(reason) === 404 && action === "delete" && name === "NoSuchKey") return undefined as T;
      const what = `Cannot ${action} ${path}: ${name} ${(reason as Error)?.message ?? reason}`;
      // The SDK hangs the whole connection on its errors.
      if (typeof reason === "object" && reason !== null) Reflect.deleteProperty(reason, "$response");
      throw new VicinalError("IO", what, { path, cause: name }, { cause: reason });
    }
  }
}

/** Rejects when the time is up, whether or not what is under way notices. */
async function withDeadline<T>(deadlineMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const reason = Object.assign(new Error(`no answer within ${deadlineMs} ms`), { name: "Timeout" });
      reject(reason);
      controller.abort(reason);
    }, deadlineMs);
  });
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What the server refuses stays refused; what got lost on the way, came damaged or came too early may pass. */
function passes(reason: unknown): boolean {
  if (reason instanceof VicinalError) return false;
  if (reason instanceof Error && reason.name === "CredentialsProviderError") return false;
  const status = statusOf(reason);
  return status === undefined || status >= 500 || status < 400 || [408, 409, 429].includes(status);
}

function statusOf(reason: unknown): number | undefined {
  return (reason as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
}
