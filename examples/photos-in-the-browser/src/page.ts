/** The page: pictures are chosen, become vectors, and show what is most like them. */
import { loadModel } from "@vicinal/extract";
import { Album } from "./album.js";
import { drawings } from "./drawings.js";

const SHOWN = 5;

interface Shown {
  name: string;
  address: string;
  button: HTMLButtonElement;
}

const shown = new Map<number, Shown>();

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

function say(text: string): void {
  element("status").textContent = text;
}

function figure(content: HTMLElement, caption: string): HTMLElement {
  const whole = document.createElement("figure");
  const text = document.createElement("figcaption");
  text.textContent = caption;
  whole.append(content, text);
  return whole;
}

function picture(name: string, address: string): HTMLImageElement {
  return Object.assign(document.createElement("img"), { src: address, alt: name });
}

async function choose(album: Album, id: number): Promise<void> {
  const { name, button } = shown.get(id) as Shown;
  for (const other of shown.values()) other.button.ariaPressed = String(other.button === button);
  const hits = await album.like(id, SHOWN);
  element("asked").textContent = name;
  element("hits").replaceChildren(
    ...hits.map((hit) => {
      const { name, address } = shown.get(hit.id) as Shown;
      return figure(picture(name, address), `${hit.distance.toFixed(3)}  ${name}`);
    }),
  );
  element("found").hidden = false;
}

async function take(album: Album, files: readonly File[]): Promise<void> {
  const ids = await album.add(files, (done, total) => say(`${done} of ${total} pictures`));
  for (const [i, id] of ids.entries()) {
    const { name } = files[i];
    if (id instanceof Error) {
      element("failures").append(
        Object.assign(document.createElement("li"), { textContent: `${name}: ${id.message}` }),
      );
      continue;
    }
    const address = URL.createObjectURL(files[i]);
    const button = Object.assign(document.createElement("button"), { type: "button", className: "picture" });
    button.append(picture(name, address));
    button.addEventListener("click", () => void choose(album, id).catch(tell));
    shown.set(id, { name, address, button });
    element("all").append(figure(button, name));
  }
  say(`${album.size} pictures, kept in this page alone`);
}

function tell(error: unknown): void {
  say(error instanceof Error ? error.message : String(error));
}

async function main(): Promise<void> {
  const onDownload = (done: number, total: number) =>
    say(`Loading the model: ${(done / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`);
  // A worker of its own, so that the page stays quick.
  const album = await Album.open(await loadModel("mobilenet-v2", { workers: 1, onDownload }));
  say("Choose pictures; they stay in this page");
  // One after the other, in the order of the clicks.
  let last: Promise<void> = Promise.resolve();
  const taken = (files: () => readonly File[] | Promise<File[]>) => {
    last = last.then(async () => take(album, await files())).catch(tell);
  };
  const input = element<HTMLInputElement>("files");
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    taken(() => files);
  });
  element("draw").addEventListener("click", () => taken(drawings));
}

main().catch(tell);
