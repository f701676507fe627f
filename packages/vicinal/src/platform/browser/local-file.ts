/** A page sees no files of the machine. */
export function localFile(_url: URL): { path: string; exists: boolean } | undefined {
  return undefined;
}
