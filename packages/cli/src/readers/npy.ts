/**
 * npy (NumPy's format for one array), versions 1.0, 2.0 and 3.0:
 *
 *   "\x93NUMPY" | u8 major | u8 minor | u16 (version 1) or u32 header length | header | values
 *
 * The header is the text of a Python dict with `descr`, `fortran_order` and `shape`. Read here: float32 or float64, either byte order;
 * two axes, rows first, or three: rows, each of several vectors, and dimensions.
 */
import { UserError } from "../errors.js";
import { ByteReader, float32 } from "./byte-reader.js";
import type { ReadVector } from "./source.js";

interface Header {
  count: number;
  /** Vectors of a row; undefined: one, by itself. */
  several?: number;
  dimensions: number;
  valueBytes: 4 | 8;
  bigEndian: boolean;
}

const magic = Buffer.from("\x93NUMPY", "latin1");
const maxHeaderBytes = 65_536;

export async function* readNpy(path: string): AsyncGenerator<ReadVector> {
  const reader = new ByteReader(path);
  try {
    const { count, several, dimensions, valueBytes, bigEndian } = await readHeader(reader, path);
    const rowBytes = (several ?? 1) * dimensions * valueBytes;
    for (let row = 0; row < count; row += 1) {
      const at = reader.offset;
      const bytes = await reader.read(rowBytes);
      if (bytes.length < rowBytes) {
        throw new UserError(`${path}: ends in the middle of row ${row} of ${count}, at byte ${at}`);
      }
      const all = values(bytes, valueBytes, bigEndian);
      const part = (_: unknown, i: number) => all.subarray(i * dimensions, (i + 1) * dimensions);
      const vector = several === undefined ? all : Array.from({ length: several }, part);
      yield { vector, offset: reader.offset };
    }
  } finally {
    await reader.close();
  }
}

async function readHeader(reader: ByteReader, path: string): Promise<Header> {
  const start = await reader.read(8);
  if (start.length < 8 || !start.subarray(0, 6).equals(magic)) {
    throw new UserError(`${path}: does not begin with the mark of an npy file`);
  }
  const wide = start[6] >= 2;
  const lengthBytes = await reader.read(wide ? 4 : 2);
  if (lengthBytes.length < (wide ? 4 : 2)) throw new UserError(`${path}: ends in its header`);
  const length = wide ? lengthBytes.readUInt32LE(0) : lengthBytes.readUInt16LE(0);
  if (length > maxHeaderBytes)
    throw new UserError(`${path}: a header of ${length} bytes is too long to be one`);
  const text = (await reader.read(length)).toString("utf8");

  const type = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const kind = /^([<>])f([48])$/.exec(type ?? "");
  if (kind === null)
    throw new UserError(`${path}: values of type ${type ?? "unknown"}: float32 or float64 are read`);
  if (/'fortran_order':\s*True/.test(text)) {
    throw new UserError(`${path}: its columns are stored first: save it with numpy.ascontiguousarray`);
  }
  const shape = /'shape':\s*\(([^)]*)\)/.exec(text)?.[1] ?? "";
  const axes = shape.split(",").filter((axis) => axis.trim() !== "");
  if (axes.length !== 2 && axes.length !== 3)
    throw new UserError(
      `${path}: its shape is (${shape}): read are rows and dimensions, or rows, vectors of each and dimensions`,
    );
  return {
    count: Number(axes[0]),
    ...(axes.length === 3 ? { several: Number(axes[1]) } : {}),
    dimensions: Number(axes[axes.length - 1]),
    valueBytes: kind[2] === "4" ? 4 : 8,
    bigEndian: kind[1] === ">",
  };
}

function values(bytes: Buffer, valueBytes: 4 | 8, bigEndian: boolean): Float32Array {
  if (bigEndian) {
    // The bytes are the reader's own and are read once: turning them around in place is safe.
    if (valueBytes === 4) bytes.swap32();
    else bytes.swap64();
  }
  if (valueBytes === 4) return float32(bytes);
  const vector = new Float32Array(bytes.length / 8);
  for (let i = 0; i < vector.length; i += 1) vector[i] = bytes.readDoubleLE(i * 8);
  return vector;
}
