/** What a payload effect makes of a payload. */
import { decodePayload, encodePayload } from "../payload/json.js";
import { deletePayload, setPayload } from "../payload/patch.js";
import { parsePath } from "../payload/path.js";
import type { PayloadEffect } from "./effects.js";

/** @param payload UTF-8 JSON of an object, as is the answer. */
export function patchedPayload(payload: Uint8Array, effect: PayloadEffect): Uint8Array {
  switch (effect.mode) {
    case "clear":
      return encodePayload({});
    case "overwrite":
      return effect.payload;
    case "set":
      return encodePayload(
        setPayload(
          decodePayload(payload),
          decodePayload(effect.payload),
          effect.path === "" ? undefined : parsePath(effect.path),
        ),
      );
    case "delete":
      return encodePayload(
        deletePayload(
          decodePayload(payload),
          effect.keys.map((key) => parsePath(key)),
        ),
      );
  }
}
