/** Sounds: formats that are read, what is refused, and another sample rate. */
import { describe, expect, it } from "vitest";
import { resample } from "./resample.js";
import { readWav } from "./wav.js";
import { windowAt, windowStarts } from "./windows.js";

interface Header {
  kind?: number;
  bits?: number;
  channels?: number;
  rate?: number;
}

function wav(
  samples: Uint8Array,
  { kind = 1, bits = 16, channels = 1, rate = 8000 }: Header = {},
): Uint8Array {
  const bytes = new Uint8Array(54 + samples.length);
  const view = new DataView(bytes.buffer);
  const text = (at: number, tag: string) => bytes.set(new TextEncoder().encode(tag), at);
  text(0, "RIFF");
  view.setUint32(4, bytes.length - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, kind, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint16(34, bits, true);
  // Another chunk, of odd length.
  text(36, "note");
  view.setUint32(40, 1, true);
  text(46, "data");
  view.setUint32(50, samples.length, true);
  bytes.set(samples, 54);
  return bytes;
}

const raw = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

describe("WAV", () => {
  it.each([
    ["8 bits", Uint8Array.of(0, 128, 255), { bits: 8 }, [-1, 0, 127 / 128]],
    ["16 bits", Int16Array.of(-32768, 0, 16384), { bits: 16 }, [-1, 0, 0.5]],
    ["24 bits", Uint8Array.of(0, 0, 0x80, 0, 0, 0, 0, 0, 0x40), { bits: 24 }, [-1, 0, 0.5]],
    ["32 bits", Int32Array.of(-(2 ** 31), 0, 2 ** 30), { bits: 32 }, [-1, 0, 0.5]],
    ["floats", Float32Array.of(-1, 0.25, 0.5), { kind: 3, bits: 32 }, [-1, 0.25, 0.5]],
    ["two channels", Int16Array.of(16384, 0, -16384, -16384), { channels: 2 }, [0.25, -0.5]],
  ])("%s", (_name, data, header, samples) => {
    const sound = readWav(wav(raw(data), header));
    expect(sound.sampleRate).toBe(8000);
    expect(Array.from(sound.samples)).toEqual(samples);
  });

  it("refuses by name what it cannot read", () => {
    const whole = wav(raw(Int16Array.of(1, 2, 3)));
    expect(() => readWav(wav(new Uint8Array(0)))).toThrow("no samples");
    for (const bytes of [
      new Uint8Array(0),
      new TextEncoder().encode("RIFF----WAVE"),
      whole.slice(0, 57),
      whole.slice(0, 30),
    ])
      expect(() => readWav(bytes)).toThrowError(expect.objectContaining({ code: "AUDIO_UNREADABLE" }));
    expect(() => readWav(wav(raw(Int16Array.of(1)), { kind: 85 }))).toThrow("format 85 with 16 bits");
    expect(() => readWav(wav(raw(Int16Array.of(1)), { rate: 0 }))).toThrow("0 Hz");
  });
});

describe("resampling", () => {
  const tone = (rate: number, hertz: number, seconds = 0.5) =>
    Float32Array.from({ length: rate * seconds }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / rate));

  it.each([
    [8000, 16_000],
    [44_100, 16_000],
    [48_000, 16_000],
  ])("%i to %i Hz keeps a tone", (from, to) => {
    const found = resample({ sampleRate: from, samples: tone(from, 440) }, to);
    const wanted = tone(to, 440);
    expect(found.length).toBe(wanted.length);
    let error = 0;
    // The ends lack neighbours.
    for (let i = 400; i < wanted.length - 400; i++) error = Math.max(error, Math.abs(found[i] - wanted[i]));
    expect(error).toBeLessThan(0.005);
  });

  it("drops what the lower rate cannot hold", () => {
    const found = resample({ sampleRate: 44_100, samples: tone(44_100, 12_000) }, 16_000);
    expect(Math.max(...found.slice(400, -400).map(Math.abs))).toBeLessThan(0.02);
  });
});

it("windows cover what lies wholly in the sound, and one at least", () => {
  const preparation = { sampleRate: 16_000, window: 100, hop: 40 };
  expect(windowStarts(0, preparation)).toEqual([0]);
  expect(windowStarts(139, preparation)).toEqual([0]);
  expect(windowStarts(180, preparation)).toEqual([0, 40, 80]);
  expect(Array.from(windowAt(Float32Array.of(1, 2, 3), 1, 4))).toEqual([2, 3, 0, 0]);
});
