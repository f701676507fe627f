/**
 * The models that are known by name: what goes in, what comes out, where the file is had and under which licence.
 *
 * Digests and sizes are of files that were seen; other files are checked by their inputs, outputs and dimensions.
 */
import type { MelPreparation } from "../audio/mel.js";

export interface ImagePreparation {
  /** Pixels of the network's input. */
  width: number;
  height: number;
  fit: "cover" | "fill";
  /** Of `cover`: size of the shorter side before the middle is cut out. */
  shorter?: number;
  /** Per channel, on a scale of 0..1: what is subtracted, and what the rest is divided by. */
  mean: readonly [number, number, number];
  deviation: readonly [number, number, number];
}

export interface AudioPreparation {
  sampleRate: number;
  /** Samples of a window, and from the beginning of one to the next. */
  window: number;
  hop: number;
  /** What fills a window behind the end of a shorter sound: silence, or the sound as often as it fits whole and then silence. Default silence. */
  short?: "silence" | "repeat";
  /** For networks whose input are not samples [batch, window] but spectrograms [batch, 1, frames, bands]. */
  mel?: MelPreparation;
}

interface Common {
  /** Where the vector is: the name of an output, of shape [batch, dimensions]. */
  output: string;
  input: string;
  /** Of outputs [batch, tokens, dimensions]: the token that stands for all, or the mean. Default: there are no tokens. */
  tokens?: "first" | "mean";
  dimensions: number;
  /** By which metric vectors are compared; Cosine ones need not be normalised. */
  metric: "Cosine" | "Dot" | "Euclid";
  licence: string;
  file: ModelFile;
}

export interface ModelFile {
  /** In the folder of models. */
  path: string;
  /** Where it is downloaded from: a repository of huggingface.co and the file in it. */
  hub?: { repository: string; path: string };
  bytes?: number;
  /** In hexadecimal. */
  sha256?: string;
}

export type OnnxModel =
  | (Common & { modality: "image"; preparation: ImagePreparation })
  | (Common & { modality: "audio"; preparation: AudioPreparation });

/** Transformers of texts, each with the hub's `tokenizer.json`, which says how its texts become numbers. */
export interface TextModel extends Omit<Common, "input"> {
  modality: "text";
  tokenizer: ModelFile;
  /** Tokens that the network has places for; of longer texts the end is cut off. */
  mostTokens: number;
  /** The token that fills up the shorter texts of a batch. */
  pad: string;
  /** What is put before a text: such models were trained with it. */
  prefixes?: { document: string; query: string };
}

const imagenet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] } as const;
const clip = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  deviation: [0.26862954, 0.26130258, 0.27577711],
} as const;
const square = { width: 224, height: 224, fit: "cover" } as const;

export const models = {
  "mobilenet-v2": {
    modality: "image",
    input: "pixel_values",
    output: "features",
    dimensions: 1280,
    metric: "Cosine",
    licence: "Apache-2.0",
    preparation: { ...square, mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] },
    file: { path: "mobilenet_v2/mobilenet_v2.onnx" },
  },
  "resnet-50": {
    modality: "image",
    input: "pixel_values",
    output: "pooler_output",
    dimensions: 2048,
    metric: "Cosine",
    licence: "Apache-2.0",
    preparation: { ...square, shorter: 256, ...imagenet },
    file: {
      path: "resnet_50/resnet_50.onnx",
      hub: { repository: "Xenova/resnet-50", path: "onnx/model.onnx" },
    },
  },
  "clip-vit-base-patch32": {
    modality: "image",
    input: "pixel_values",
    output: "image_embeds",
    dimensions: 512,
    metric: "Cosine",
    licence: "MIT",
    preparation: { ...square, ...clip },
    file: {
      path: "clip_vit_base_patch32/vision_model.onnx",
      hub: { repository: "Xenova/clip-vit-base-patch32", path: "onnx/vision_model.onnx" },
    },
  },
  "dinov2-small": {
    modality: "image",
    input: "pixel_values",
    output: "last_hidden_state",
    tokens: "first",
    dimensions: 384,
    metric: "Cosine",
    licence: "Apache-2.0",
    preparation: { ...square, shorter: 256, ...imagenet },
    file: {
      path: "dinov2_small/dinov2_small.onnx",
      hub: { repository: "Xenova/dinov2-small", path: "onnx/model.onnx" },
    },
  },
  yamnet: {
    modality: "audio",
    input: "waveform",
    output: "embedding",
    dimensions: 1024,
    metric: "Cosine",
    licence: "Apache-2.0",
    preparation: { sampleRate: 16_000, window: 15_600, hop: 7_680 },
    file: { path: "yamnet/yamnet.onnx" },
  },
  "clap-htsat-unfused": {
    modality: "audio",
    input: "input_features",
    output: "audio_embeds",
    dimensions: 512,
    metric: "Cosine",
    licence: "Apache-2.0",
    preparation: {
      sampleRate: 48_000,
      window: 480_000,
      hop: 240_000,
      short: "repeat",
      mel: { bands: 64, frame: 1024, hop: 480, lowest: 50, highest: 14_000 },
    },
    file: {
      path: "clap_htsat_unfused/audio_model.onnx",
      hub: { repository: "Xenova/clap-htsat-unfused", path: "onnx/audio_model.onnx" },
    },
  },
} as const satisfies Record<string, OnnxModel>;

/** The network and the tokenizer of a model that lies in a repository of its own. */
function filesOf(folder: string, repository: string, network = "model.onnx") {
  return {
    file: { path: `${folder}/${network}`, hub: { repository, path: `onnx/${network}` } },
    tokenizer: { path: `${folder}/tokenizer.json`, hub: { repository, path: "tokenizer.json" } },
  };
}

const sentence = {
  modality: "text",
  output: "last_hidden_state",
  metric: "Cosine",
  mostTokens: 512,
} as const;

export const textModels = {
  /** The other half of `clip-vit-base-patch32`: its vectors are compared with those of images. */
  "clip-vit-base-patch32-text": {
    ...sentence,
    output: "text_embeds",
    dimensions: 512,
    licence: "MIT",
    mostTokens: 77,
    pad: "<|endoftext|>",
    ...filesOf("clip_vit_base_patch32", "Xenova/clip-vit-base-patch32", "text_model.onnx"),
  },
  /** The other half of `clap-htsat-unfused`: its vectors are compared with those of sounds. */
  "clap-htsat-unfused-text": {
    ...sentence,
    output: "text_embeds",
    dimensions: 512,
    licence: "Apache-2.0",
    pad: "<pad>",
    ...filesOf("clap_htsat_unfused", "Xenova/clap-htsat-unfused", "text_model.onnx"),
  },
  "all-minilm-l6-v2": {
    ...sentence,
    tokens: "mean",
    dimensions: 384,
    licence: "Apache-2.0",
    pad: "[PAD]",
    ...filesOf("all_minilm_l6_v2", "Xenova/all-MiniLM-L6-v2"),
  },
  "multilingual-e5-small": {
    ...sentence,
    tokens: "mean",
    dimensions: 384,
    licence: "MIT",
    pad: "<pad>",
    prefixes: { document: "passage: ", query: "query: " },
    ...filesOf("multilingual_e5_small", "Xenova/multilingual-e5-small"),
  },
  "bge-small-en-v1.5": {
    ...sentence,
    tokens: "first",
    dimensions: 384,
    licence: "MIT",
    pad: "[PAD]",
    prefixes: { document: "", query: "Represent this sentence for searching relevant passages: " },
    ...filesOf("bge_small_en_v1.5", "Xenova/bge-small-en-v1.5"),
  },
  "bge-small-zh-v1.5": {
    ...sentence,
    tokens: "first",
    dimensions: 512,
    licence: "MIT",
    pad: "[PAD]",
    prefixes: { document: "", query: "为这个句子生成表示以用于检索相关文章：" },
    ...filesOf("bge_small_zh_v1.5", "Xenova/bge-small-zh-v1.5"),
  },
} as const satisfies Record<string, TextModel>;
