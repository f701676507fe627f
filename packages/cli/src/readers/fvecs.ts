/**
 * fvecs (the form of the SIFT and GIST data sets): one record per vector, little-endian, without a header:
 *
 *   int32 dimensions | dimensions x float32
 */
import { UserError } from "../errors.js";
import { ByteReader, float32 } from "./byte-reader.js";
import type { ReadVector } from "./source.js";

const maxDimensions = 65_536;

export async function* readFvecs(path: string): AsyncGenerator<ReadVector> {
  const reader = new ByteReader(path);
  try {
    let expected = 0;
    for (;;) {
      const at = reader.offset;
      const head = await reader.read(4);
      if (head.length === 0) return;
      if (head.length < 4) throw new UserError(`${path}: ends in the middle of a record, at byte ${at}`);
      const dimensions = head.readInt32LE(0);
      if (dimensions < 1 || dimensions > maxDimensions) {
        throw new UserError(`${path}: byte ${at} says ${dimensions} dimensions: this is no fvecs file`);
      }
      if (expected !== 0 && dimensions !== expected) {
        throw new UserError(
          `${path}: the vector at byte ${at} has ${dimensions} dimensions, those before ${expected}`,
        );
      }
      expected = dimensions;
      const bytes = await reader.read(dimensions * 4);
      if (bytes.length < dimensions * 4)
        throw new UserError(`${path}: ends in the middle of the vector at byte ${at}`);
      yield { vector: float32(bytes), offset: reader.offset };
    }
  } finally {
    await reader.close();
  }
}
