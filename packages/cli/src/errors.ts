/** Errors as the user of a command line sees them: one line that names the culprit. */

/** Something the user can put right: shown as one line, without a stack. */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** One line for any error; `--debug` shows the stack instead. */
export function errorLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return `vicinal: ${message.split("\n")[0]}`;
}

export function errorStack(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\ncaused by: ${errorStack(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

/** What the operating system said about a file or a port, in words. */
export function systemError(error: unknown, subject: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const words: Record<string, string> = {
    ENOENT: "does not exist",
    EEXIST: "exists already",
    EACCES: "may not be read",
    EISDIR: "is a folder",
    ENOTDIR: "is no folder",
  };
  return code !== undefined && code in words
    ? new UserError(`${subject} ${words[code]}`, { cause: error })
    : error;
}
