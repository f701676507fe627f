/** The errors that all homes of bytes report alike. */
import { VicinalError } from "../runtime/errors.js";

export function fileNotFound(path: string): VicinalError {
  return new VicinalError("FILE_NOT_FOUND", `There is no file ${path}`, { path });
}

export function fileExists(path: string): VicinalError {
  return new VicinalError("FILE_EXISTS", `The file ${path} exists already`, { path });
}

/** A read that asks for bytes beyond the file's end: the file was cut, or what names it is wrong. */
export function endsEarly(path: string, offset: number, length: number, size: number): VicinalError {
  return new VicinalError(
    "CORRUPTION",
    `Corrupted file ${path}: ${length} bytes expected at offset ${offset}, but the file ends at ${size}`,
    { path, offset, expected: offset + length, actual: size },
  );
}
