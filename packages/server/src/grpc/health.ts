/** The standard health service, which load balancers and orchestrators ask: `grpc.health.v1`. */
import { create, type DescService, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type ServiceImpl } from "@connectrpc/connect";
import type { EngineApi } from "vicinal/protocol";
import { readiness } from "../service.js";
import { healthFile, onlyService } from "./descriptors.js";

export const healthService = onlyService(healthFile);

const [, replySchema] = healthFile.messages;

const serving = 1;
const notServing = 2;

/** @param names Services that are known; the empty name is the server. */
export function addHealth(router: ConnectRouter, engine: EngineApi, names: readonly string[]): void {
  async function check(request: unknown): Promise<Message> {
    const { service } = request as { service: string };
    if (service !== "" && !names.includes(service))
      throw new ConnectError(`Unknown service ${service}`, Code.NotFound);
    const status = await readiness(engine).then(
      () => serving,
      () => notServing,
    );
    return create(replySchema, { status } as never);
  }
  router.service(healthService, { check } as unknown as Partial<ServiceImpl<DescService>>);
}
