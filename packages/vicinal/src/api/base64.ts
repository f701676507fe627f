/** Base64 (RFC 4648, section 4) in a form that every platform has. */
import { VicinalError } from "../runtime/errors.js";

/** Arguments that a call takes without harm. */
const SLICE = 0x6000;

export function toBase64(bytes: Uint8Array): string {
  // A multiple of three bytes each: the parts can be put together.
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += SLICE)
    parts.push(btoa(String.fromCharCode(...bytes.subarray(at, at + SLICE))));
  return parts.join("");
}

/** @param at Where the text stands, for the message of BAD_REQUEST. */
export function fromBase64(text: string, at: string): Uint8Array {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new VicinalError("BAD_REQUEST", `${at}: is not base64`, { path: at });
  }
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
