/** Uploads in parts, several at a time: a request stays small enough for its deadline, and a lost one costs little. */
import { createHash } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";

/** What is larger goes in parts. */
export const MULTIPART_BYTES = 16 * 2 ** 20;
/** S3 takes no more. */
const PARTS_MAX = 10_000;
const CONCURRENCY = 4;

type Request = <T>(work: (abortSignal: AbortSignal) => Promise<T>) => Promise<T>;

export async function uploadInParts(
  client: S3Client,
  at: { Bucket: string; Key: string },
  bytes: Uint8Array,
  request: Request,
): Promise<void> {
  const { UploadId } = await request((abortSignal) =>
    client.send(new CreateMultipartUploadCommand(at), { abortSignal }),
  );
  const upload = { ...at, UploadId };
  const partSize = Math.max(MULTIPART_BYTES, Math.ceil(bytes.length / PARTS_MAX));
  const count = Math.ceil(bytes.length / partSize);
  const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
  let next = 0;
  let failed = false;
  const work = async () => {
    while (next < count && !failed) {
      const PartNumber = ++next;
      const Body = bytes.subarray((PartNumber - 1) * partSize, PartNumber * partSize);
      const ContentMD5 = createHash("md5").update(Body).digest("base64");
      try {
        const { ETag } = await request((abortSignal) =>
          client.send(new UploadPartCommand({ ...upload, PartNumber, Body, ContentMD5 }), { abortSignal }),
        );
        Parts[PartNumber - 1] = { PartNumber, ETag };
      } catch (reason) {
        failed = true;
        throw reason;
      }
    }
  };
  const done = await Promise.allSettled(Array.from({ length: CONCURRENCY }, work));
  try {
    for (const result of done) if (result.status === "rejected") throw result.reason;
    await request((abortSignal) =>
      client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }), {
        abortSignal,
      }),
    );
  } catch (reason) {
    // Parts that are left cost money until the bucket's own rule clears them.
    await request((abortSignal) =>
      client.send(new AbortMultipartUploadCommand(upload), { abortSignal }),
    ).catch(() => {});
    throw reason;
  }
}
