/** WAV files as samples: PCM of 8 to 32 bits and 32-bit floats, any number of channels, mixed into one. */
import { ExtractError } from "../errors.js";

export interface Sound {
  sampleRate: number;
  /** One channel, -1..1. */
  samples: Float32Array;
}

/** @throws ExtractError AUDIO_UNREADABLE, AUDIO_EMPTY */
export function readWav(bytes: Uint8Array): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.length < 12 || tag(0) !== "RIFF" || tag(8) !== "WAVE")
    throw unreadable("the bytes are no WAV file");
  let format: Format | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    const begin = at + 8;
    if (tag(at) === "fmt ") format = formatAt(view, begin, length);
    else if (tag(at) === "data") {
      if (!format) throw unreadable("it has samples before it says their format");
      // Streamed files leave the length open.
      const isOpen = length === 0xffffffff;
      if (!isOpen && begin + length > bytes.length)
        throw unreadable(
          `it breaks off: ${length} bytes of samples are announced, ${bytes.length - begin} are there`,
        );
      return soundOf(view, begin, isOpen ? bytes.length - begin : length, format);
    }
    at = begin + length + (length & 1);
  }
  throw unreadable("it has no samples");
}

interface Format {
  isFloat: boolean;
  channels: number;
  sampleRate: number;
  bits: number;
}

const PCM = 1;
const FLOAT = 3;
/** The format follows in the first bytes of a GUID. */
const EXTENSIBLE = 0xfffe;

function formatAt(view: DataView, at: number, length: number): Format {
  if (length < 16 || at + length > view.byteLength)
    throw unreadable("its description of the format breaks off");
  let kind = view.getUint16(at, true);
  if (kind === EXTENSIBLE && length >= 26) kind = view.getUint16(at + 24, true);
  const channels = view.getUint16(at + 2, true);
  const sampleRate = view.getUint32(at + 4, true);
  const bits = view.getUint16(at + 14, true);
  const isRead = kind === PCM ? [8, 16, 24, 32].includes(bits) : kind === FLOAT && bits === 32;
  if (!isRead) throw unreadable(`format ${kind} with ${bits} bits is not read, PCM and 32-bit floats are`);
  if (channels === 0 || sampleRate === 0)
    throw unreadable(`${channels} channels at ${sampleRate} Hz are no sound`);
  return { isFloat: kind === FLOAT, channels, sampleRate, bits };
}

function soundOf(view: DataView, begin: number, length: number, format: Format): Sound {
  const { channels, bits, sampleRate } = format;
  const width = bits / 8;
  const count = Math.floor(length / (width * channels));
  if (count === 0) throw new ExtractError("AUDIO_EMPTY", "The sound has no samples");
  const read = readerOf(view, format);
  const samples = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++)
      sum += read(begin + (i * channels + channel) * width);
    samples[i] = sum / channels;
  }
  return { sampleRate, samples };
}

function readerOf(view: DataView, { isFloat, bits }: Format): (at: number) => number {
  if (isFloat) return (at) => view.getFloat32(at, true);
  if (bits === 8) return (at) => (view.getUint8(at) - 128) / 128;
  if (bits === 16) return (at) => view.getInt16(at, true) / 2 ** 15;
  if (bits === 32) return (at) => view.getInt32(at, true) / 2 ** 31;
  return (at) => (view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getInt8(at + 2) << 16)) / 2 ** 23;
}

function unreadable(why: string): ExtractError {
  return new ExtractError("AUDIO_UNREADABLE", `The sound cannot be read: ${why}`);
}
