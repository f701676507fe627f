/** Certificates for tests: an authority, and what it signs. X.509 v3 with P-256, as little of it as TLS wants. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

const DAY_MS = 86_400_000;
/** Object identifiers, encoded. */
const ECDSA_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const COMMON_NAME = [0x55, 0x04, 0x03];
const BASIC_CONSTRAINTS = [0x55, 0x1d, 0x13];
const ALTERNATIVE_NAME = [0x55, 0x1d, 0x11];

function der(tag: number, ...parts: (Buffer | number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const { length } = body;
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...head]), body]);
}

const sequence = (...parts: Buffer[]) => der(0x30, ...parts);
const oid = (bytes: number[]) => der(0x06, bytes);
const name = (text: string) => sequence(der(0x31, sequence(oid(COMMON_NAME), der(0x0c, Buffer.from(text)))));
const time = (ms: number) =>
  der(0x18, Buffer.from(`${new Date(ms).toISOString().replaceAll(/[-:T]/g, "").slice(0, 14)}Z`));
const extension = (id: number[], value: Buffer) => sequence(oid(id), der(0x04, value));

interface Signed {
  cert: string;
  key: string;
}

export class Authority {
  readonly #name: string;
  readonly #key: KeyObject;
  /** PEM. */
  readonly ca: string;

  constructor(name = "authority") {
    this.#name = name;
    const { cert, key } = made(name, { name }, [extension(BASIC_CONSTRAINTS, sequence(der(0x01, [0xff])))]);
    this.ca = cert;
    this.#key = createPrivateKey(key);
  }

  /** For a node that is reached at that address of IPv4. */
  signed(address = "127.0.0.1"): Signed & { ca: string } {
    const ip = der(0x87, address.split(".").map(Number));
    const issuer = { name: this.#name, key: this.#key };
    return { ca: this.ca, ...made("node", issuer, [extension(ALTERNATIVE_NAME, sequence(ip))]) };
  }
}

/** @param issuer Without a key: itself. */
function made(subject: string, issuer: { name: string; key?: KeyObject }, extensions: Buffer[]): Signed {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = sequence(oid(ECDSA_SHA256));
  const content = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, [1], randomBytes(8)),
    algorithm,
    name(issuer.name),
    sequence(time(Date.now() - DAY_MS), time(Date.now() + DAY_MS)),
    name(subject),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", content, issuer.key ?? privateKey);
  const whole = sequence(content, algorithm, der(0x03, [0], signature));
  const lines = whole.toString("base64").replaceAll(/(.{64})/g, "$1\n");
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}
