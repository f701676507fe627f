/** Sounds through an ONNX network that hears windows of them: a sound's vector is the mean of its windows'. */
import { MelSpectrogram } from "../audio/mel.js";
import { resample } from "../audio/resample.js";
import { readWav, type Sound } from "../audio/wav.js";
import { windowAt, windowStarts } from "../audio/windows.js";
import { ExtractError } from "../errors.js";
import type { Session } from "../session.js";
import type { AudioPreparation, OnnxModel } from "./catalogue.js";
import { embedEach, type Model } from "./model.js";
import { rowsOf } from "./rows.js";

/** A WAV file's bytes, or samples. */
export type AudioItem = Uint8Array | Sound;

/** A sound's samples to numbers for the network, window by window. */
interface WindowForm {
  /** Of one window. */
  shape: readonly number[];
  of(window: Float32Array): Float32Array;
}

/** Windows that go through the network at a time. */
const BATCH = 16;

export function audioModel(
  id: string,
  entry: OnnxModel & { modality: "audio" },
  session: Session,
): Model<AudioItem> {
  const { preparation, input, output, dimensions, metric } = entry;
  const { window, sampleRate } = preparation;
  const { shape, of: formed } = formOf(preparation);
  const size = shape.reduce((product, length) => product * length, 1);
  const meanOf = async (sound: Float32Array) => {
    const samples = preparation.short === "repeat" ? repeated(sound, window) : sound;
    const starts = windowStarts(samples.length, preparation);
    const mean = new Float32Array(dimensions);
    for (let from = 0; from < starts.length; from += BATCH) {
      const batch = starts.slice(from, from + BATCH);
      const data = new Float32Array(batch.length * size);
      for (const [i, start] of batch.entries()) data.set(formed(windowAt(samples, start, window)), i * size);
      const feeds = { [input]: { data, shape: [batch.length, ...shape] } };
      const rows = rowsOf(id, (await session.run(feeds, [output]))[output], batch.length, dimensions);
      for (const row of rows) for (let d = 0; d < dimensions; d++) mean[d] += row[d] / starts.length;
    }
    return mean;
  };
  return {
    id,
    modality: "audio",
    dimensions,
    metric,
    embed: (sounds, options = {}) =>
      embedEach(
        sounds,
        options,
        1,
        async (item) => resample(soundOf(item), sampleRate),
        ([samples]) => meanOf(samples).then((mean) => [mean]),
      ),
    close: () => session.close(),
  };
}

function formOf({ window, sampleRate, mel }: AudioPreparation): WindowForm {
  if (!mel) return { shape: [window], of: (samples) => samples };
  const spectrogram = new MelSpectrogram(mel, sampleRate);
  return {
    shape: [1, spectrogram.frames(window), mel.bands],
    of: (samples) => spectrogram.of(samples),
  };
}

/** The sound as often as it fits whole into a window, and once at least. */
function repeated(sound: Float32Array, window: number): Float32Array {
  const times = Math.max(1, Math.floor(window / sound.length));
  if (times === 1) return sound;
  const samples = new Float32Array(times * sound.length);
  for (let i = 0; i < times; i++) samples.set(sound, i * sound.length);
  return samples;
}

export function soundOf(item: AudioItem): Sound {
  if (item instanceof Uint8Array) return readWav(item);
  if (item.samples.length === 0) throw new ExtractError("AUDIO_EMPTY", "The sound has no samples");
  if (!(item.sampleRate > 0))
    throw new ExtractError("AUDIO_UNREADABLE", `A sample rate is above 0, got ${item.sampleRate}`);
  return item;
}
