/** `vicinal serve`: a server in front of a data folder, until it is told to stop. */
import { UserError } from "../errors.js";

export interface ServeOptions {
  host: string;
  port: number;
  data: string;
}

export async function serve({ host, port, data }: ServeOptions): Promise<void> {
  const { open } = await import("vicinal");
  const { createServer } = await import("@vicinal/server");
  const database = await open(data);
  try {
    const server = createServer({ database });
    try {
      const stop = stopSignal();
      await server.listen({ host, port });
      console.log(`Vicinal serves ${data} at http://${host.includes(":") ? `[${host}]` : host}:${port}`);
      await stop;
    } catch (error) {
      throw portError(error, host, port);
    } finally {
      await server.close();
    }
  } finally {
    await database.close();
  }
}

/** Resolves at the first signal to stop; the second one ends the process at once. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}

/** What the operating system said about the address, in words. */
export function portError(error: unknown, host: string, port: number): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "EADDRINUSE") {
    return new UserError(`port ${port} of ${host} is taken: choose another with --port`, { cause: error });
  }
  if (code === "EACCES") return new UserError(`port ${port} of ${host} may not be used`, { cause: error });
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    return new UserError(`${host} is no address of this machine`, { cause: error });
  }
  return error;
}
