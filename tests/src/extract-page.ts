/** What runs in the page: extraction as a user's bundle holds it. Returns what it saw to extract-browser.test.ts. */
import { decodeImage, ExtractError, loadModel, models, registerModel } from "@vicinal/extract";

export interface Seen {
  /** By the page's own thread, and by a worker. */
  photos: (number[] | undefined)[];
  inWorker: (number[] | undefined)[];
  sound: number[] | undefined;
  /** What failed among the photos. */
  failures: string[];
  /** Codes of what is refused. */
  refused: Record<string, string>;
  missing: string;
  /** Whether the download said how far it was, to its end. */
  progress: boolean;
  cancelled: string;
}

const at = (path: string) => new URL(path, document.baseURI).href;

async function bytesOf(path: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(at(path))).arrayBuffer());
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "nothing",
    (error: unknown) => (error instanceof ExtractError ? error.code : String(error)),
  );
}

const plain = (vectors: readonly (Float32Array | undefined)[]) =>
  vectors.map((vector) => vector && Array.from(vector));

async function run(photoNames: readonly string[], otherNames: readonly string[]): Promise<Seen> {
  const wasm = at("ort/");
  const photos = await Promise.all(photoNames.map(bytesOf));
  const others = Object.fromEntries(await Promise.all(otherNames.map(async (n) => [n, await bytesOf(n)])));

  let last: number[] = [];
  const onDownload = (...seen: number[]) => {
    last = seen;
  };
  const model = await loadModel("mobilenet-v2", { wasm, onDownload });
  const made = await model.embed([...photos, ...(Object.values(others) as Uint8Array[])]);
  const stop = new AbortController();
  const cancelled = await codeOf(
    model.embed(Array(24).fill(photos[0]), {
      signal: stop.signal,
      onProgress: () => stop.abort(new ExtractError("MODEL_STOPPED", "enough")),
    }),
  );
  await model.close();

  const threaded = await loadModel("mobilenet-v2", { wasm, workers: 1 });
  const inWorker = await threaded.embed(photos);
  await threaded.close();

  const yamnet = await loadModel("yamnet", { wasm });
  const sounds = await yamnet.embed([await bytesOf("sound.wav")]);
  await yamnet.close();

  // Its first download breaks off; the second asks for the rest.
  registerModel("cut", { ...models["mobilenet-v2"], file: { path: "cut.onnx" } });
  const refused: Record<string, string> = { broken: await codeOf(loadModel("cut", { wasm })) };
  refused.resumed = await codeOf(loadModel("cut", { wasm }));
  registerModel("wrong", { ...models["mobilenet-v2"], file: { path: "wrong.onnx", sha256: "00" } });
  refused.wrong = await codeOf(loadModel("wrong", { wasm }));
  refused.pixels = await codeOf(decodeImage(photos[0], { maxPixels: 100 }));
  refused.decoder = await codeOf(decodeImage(photos[0], { decoder: "sharp" }));
  refused.native = await codeOf(loadModel("mobilenet-v2", { runtime: "node" }));
  refused.packaged = await codeOf(loadModel("speech-embedding"));
  const missing = await loadModel("resnet-50", { hub: at("no-hub") }).catch((error: Error) => error.message);

  return {
    photos: plain(made.vectors),
    inWorker: plain(inWorker.vectors),
    sound: plain(sounds.vectors)[0],
    failures: made.failures.map(
      ({ index, error }) => `${index - photos.length} ${(error as ExtractError).code}`,
    ),
    refused,
    missing: String(missing),
    progress: last.length === 2 && last[0] > 0 && last[0] === last[1],
    cancelled,
  };
}

Object.assign(globalThis, { run });
