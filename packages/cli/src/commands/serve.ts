/** `vicinal serve`: a server in front of a data folder, until it is told to stop. */

export interface ServeOptions {
  host: string;
  port: number;
  /** False for none; by default the port after the other. */
  grpcPort?: number | false;
  data: string;
}

export async function serve({ host, port, grpcPort, data }: ServeOptions): Promise<void> {
  const { open } = await import("vicinal");
  const { createServer } = await import("@vicinal/server");
  const stop = stopSignal();
  const database = await open(data);
  try {
    const server = createServer({ database });
    try {
      const address = await server.listen({ host, port, grpcPort });
      const grpc = address.grpcPort === undefined ? "" : `, gRPC at port ${address.grpcPort}`;
      console.log(`Vicinal serves ${data} at ${address.url}${grpc}`);
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
