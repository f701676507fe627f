/** Originals: what a point keeps beside its payload, as it is given, asked for and shown. Vicinal's own. */
import {
  array,
  boolean,
  createIssue,
  type Infer,
  type Issue,
  named,
  object,
  optional,
  record,
  refined,
  type Schema,
  string,
  union,
  unsigned,
} from "../../runtime/schema.js";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

function badName(names: readonly string[]): Issue | undefined {
  const name = names.find((name) => !NAME.test(name));
  if (name === undefined) return undefined;
  return createIssue(
    `${JSON.stringify(name)} is no name of a blob: 1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or digit`,
    "OUT_OF_RANGE",
  );
}

export const blobName = refined(string(), (name) => badName([name]));

/** `type/subtype` with parameters, if any, as it goes into a header. */
export const mediaType = string({
  maxLength: 255,
  pattern: {
    regexp:
      /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+( *; *[\w!#$&^.+-]+=([\w!#$&^.+-]+|"[\x20\x21\x23-\x5b\x5d-\x7e]*"))*$/,
    says: "a media type, such as image/jpeg",
  },
});

const givenBlob: Schema<BlobInput> = named(
  "PointBlob",
  object({ type: mediaType, base64: optional(string()) }),
);
/** A blob as it is written: embedded as bytes, in JSON as their base64. */
export interface BlobInput {
  /** Media type, such as `image/jpeg`. */
  type: string;
  /** One of the two. */
  base64?: string | null;
  bytes?: Uint8Array;
}

export const pointBlobs = refined(record(givenBlob), (blobs) => badName(Object.keys(blobs)));

const blobNames = refined(array(string()), badName);

export const withBlobs = named(
  "WithBlobs",
  union(
    boolean(),
    blobNames,
    named("BlobSelector", object({ names: optional(blobNames), inline: optional(boolean()) })),
  ),
);
/** Whether to show what blobs points have: all, none or those of the given names; with `inline`, their bytes as base64, too. */
export type WithBlobs = Infer<typeof withBlobs>;

export const withBlobsField = optional(withBlobs).describe(
  "Whether to describe the points' blobs; Vicinal's own field. Default false.",
);

export const blobDescription = named(
  "BlobDescription",
  object({
    type: string(),
    size: unsigned().describe("Bytes."),
    sha256: string(),
    url: string().describe("Path below the server's address."),
    base64: optional(string()).describe("With `inline`."),
  }),
);
export interface BlobDescription {
  /** Media type. */
  type: string;
  /** Bytes. */
  size: number;
  /** Of the bytes, 64 lower-case hexadecimal digits. */
  sha256: string;
  /** Path below a server's address. */
  url: string;
  /** The bytes, where `inline` asked for them. */
  base64?: string | null;
}
