/** An S3 server of this process, with one empty bucket named "vicinal". */
import S3rver from "s3rver";

export interface S3Server {
  readonly port: number;
  url(prefix: string): string;
  close(): Promise<void>;
}

export async function startS3(directory: string): Promise<S3Server> {
  process.env.AWS_ACCESS_KEY_ID = "S3RVER";
  process.env.AWS_SECRET_ACCESS_KEY = "S3RVER";
  const server = new S3rver({
    port: 0,
    address: "127.0.0.1",
    silent: true,
    directory,
    configureBuckets: [{ name: "vicinal", configs: [] }],
  });
  const { port } = await server.run();
  return {
    port,
    url: (prefix) => `s3://vicinal/${prefix}?endpoint=http://127.0.0.1:${port}&region=us-east-1`,
    close: () => server.close(),
  };
}
