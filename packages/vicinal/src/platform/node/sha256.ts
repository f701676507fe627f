/** SHA-256 of bytes that come in pieces. */
import { createHash } from "node:crypto";

export class Sha256 {
  readonly #hash = createHash("sha256");

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** The digest, 64 lower-case hexadecimal digits; nothing may follow. */
  hex(): string {
    return this.#hash.digest("hex");
  }
}
