/** Link: a port that leads to another one, and can be cut: both ways, or one. What was on its way then arrives later, as TCP has it. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export type Cut = "none" | "both" | "there" | "back";

export class Link {
  readonly #server: Server;
  readonly #pairs = new Set<{ near: Socket; far: Socket }>();
  #cut: Cut = "none";
  port = 0;

  private constructor(target: number) {
    this.#server = createServer((near) => {
      const far = connect(target, "127.0.0.1");
      const pair = { near, far };
      this.#pairs.add(pair);
      near.on("data", (bytes) => far.write(bytes));
      far.on("data", (bytes) => near.write(bytes));
      const end = () => {
        near.destroy();
        far.destroy();
        this.#pairs.delete(pair);
      };
      for (const socket of [near, far]) {
        socket.on("error", end);
        socket.on("close", end);
      }
      this.#apply(pair);
    });
  }

  /** From any free port to `target`. */
  static async open(target: number): Promise<Link> {
    const link = new Link(target);
    link.#server.listen(0, "127.0.0.1");
    await once(link.#server, "listening");
    link.port = (link.#server.address() as { port: number }).port;
    return link;
  }

  /** `there`: nothing gets to the target; `back`: nothing comes from it. */
  set cut(cut: Cut) {
    this.#cut = cut;
    for (const pair of this.#pairs) this.#apply(pair);
  }

  #apply({ near, far }: { near: Socket; far: Socket }): void {
    const flow = (socket: Socket, flows: boolean) => (flows ? socket.resume() : socket.pause());
    flow(near, this.#cut === "none" || this.#cut === "back");
    flow(far, this.#cut === "none" || this.#cut === "there");
  }

  close(): void {
    this.#server.close();
    this.drop();
  }

  /** Ends the connections that there are; others can be made. */
  drop(): void {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }
}
