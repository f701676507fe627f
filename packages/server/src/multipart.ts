/** A file out of a form (`multipart/form-data`), as it arrives: it is never held as a whole. */
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { Busboy, type BusboyFileStream, type BusboyHeaders } from "@fastify/busboy";
import { VicinalError } from "vicinal/protocol";

/** What a request with a form has as its body. */
export class FormBody {
  constructor(
    private readonly stream: Readable,
    private readonly headers: IncomingHttpHeaders,
  ) {}

  /** Hands the file of that field to `use`; what follows it is read and forgotten. BAD_REQUEST where there is none. */
  async withFile<T>(field: string, use: (file: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T> {
    try {
      return await use(await this.#file(field));
    } finally {
      // A client that still sends hears the answer once all has been taken from it.
      this.stream.unpipe();
      this.stream.resume();
    }
  }

  #file(field: string): Promise<Readable> {
    const { stream } = this;
    return new Promise((resolve, reject) => {
      let file: BusboyFileStream | undefined;
      const fail = (why: string) => {
        const error = new VicinalError("BAD_REQUEST", `Bad request: The form cannot be read: ${why}`);
        reject(error);
        file?.destroy(error);
      };
      const form = this.#parser(field, fail);
      if (!form) return;
      form.on("file", (name, found) => {
        if (name !== field || file) return found.resume();
        file = found;
        // Told to who reads the file.
        file.on("error", () => {});
        resolve(found);
      });
      form.on("error", (error) => fail((error as Error).message));
      form.on("finish", () => fail(`it has no file ${JSON.stringify(field)}`));
      stream.on("error", (error) => fail(error.message));
      stream.on("close", () => stream.readableEnded || fail("the request broke off"));
      stream.pipe(form);
    });
  }

  #parser(field: string, fail: (why: string) => void): InstanceType<typeof Busboy> | undefined {
    try {
      return new Busboy({
        headers: this.headers as BusboyHeaders,
        isPartAFile: (name, _type, filename) => filename !== undefined || name === field,
        limits: { fields: 16, files: 1, headerPairs: 32 },
      });
    } catch (error) {
      fail((error as Error).message);
      return undefined;
    }
  }
}
