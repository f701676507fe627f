/** `vicinal serve`: a server in front of a data folder, until it is told to stop. */

export interface ServeOptions {
  host: string;
  port: number;
  data: string;
}

export async function serve({ host, port, data }: ServeOptions): Promise<void> {
  const { open } = await import("vicinal");
  const { createServer } = await import("@vicinal/server");
  const stop = stopSignal();
  const database = await open(data);
  try {
    const server = createServer({ database });
    try {
      const { url } = await server.listen({ host, port });
      console.log(`Vicinal serves ${data} at ${url}`);
      await stop;
    } finally {
      await server.close();
    }
  } finally {
    await database.close();
  }
}

/** Resolves at the first signal to stop; a second one ends the process at once. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}
