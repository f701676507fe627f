/** A page with photos and what is like them: one row for each, its hits beside it. */
import { relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { Similar } from "./library.js";

export interface SheetRow {
  /** Path of the photo that was looked for. */
  photo: string;
  title: string;
  hits: Hit[];
}

export interface Hit extends Omit<Similar, "id"> {
  path: string;
  /** `data:...`, where the page is to hold the photo itself. */
  photo?: string;
}

/** @param page where the page will lie: photos are named relative to it */
export function contactSheet(title: string, rows: readonly SheetRow[], page: string): string {
  const figure = (
    path: string,
    caption: string,
    kind: string,
    photo = source(path, page),
  ) => `      <figure class="${kind}">
        <img src="${escaped(photo)}" alt="${escaped(caption)}" loading="lazy">
        <figcaption>${escaped(caption)}</figcaption>
      </figure>`;
  const sections = rows.map(
    ({ photo, title: name, hits }) => `    <section>
${figure(photo, label(name), "asked")}
${hits.map(({ path, file, distance, photo }) => figure(path, `${distance.toFixed(3)}  ${label(file)}`, "hit", photo)).join("\n")}
    </section>`,
  );
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${escaped(title)}</title>
    <style>
      :root { color-scheme: light dark; --line: #8884; }
      body { margin: 2rem auto; max-width: 76rem; padding: 0 1rem; font: 15px/1.4 system-ui, sans-serif; }
      h1 { font-size: 1.4rem; margin: 0 0 1.2rem; }
      section { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .8rem;
        padding: 1rem 0; border-top: 1px solid var(--line); }
      figure { margin: 0; }
      img { width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 6px; display: block; background: #8882; }
      .asked img { outline: 3px solid #00798c; outline-offset: 2px; }
      figcaption { margin-top: .35rem; font-size: .8rem; overflow-wrap: anywhere; }
    </style>
  </head>
  <body>
    <h1>${escaped(title)}</h1>
${sections.join("\n")}
  </body>
</html>
`;
}

/** What a file shows, as far as its name says it. */
function label(file: string): string {
  return file
    .replace(/^.*\//, "")
    .replace(/\.\w+$/, "")
    .replace(/^n\d+_/, "")
    .replaceAll("_", " ");
}

function source(path: string, page: string): string {
  const way = relative(pathFolder(page), path);
  return way.startsWith("..")
    ? pathToFileURL(path).href
    : way.split(/[\\/]/).map(encodeURIComponent).join("/");
}

function pathFolder(page: string): string {
  return page.replace(/[^\\/]*$/, "") || ".";
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
