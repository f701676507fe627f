/**
 * Server reflection, by which grpcurl and clients in other languages learn the services without proto files:
 * `grpc.reflection.v1` and its elder `v1alpha`.
 */
import {
  create,
  type DescFile,
  type DescMessage,
  type DescService,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter, type ServiceImpl } from "@connectrpc/connect";
import { onlyService, reflectionFiles } from "./descriptors.js";
import type { Member } from "./from-message.js";

export const reflectionServices: readonly DescService[] = reflectionFiles.map(onlyService);

/** @param files What is described, with all that the files import. */
export function addReflection(
  router: ConnectRouter,
  files: readonly DescFile[],
  services: readonly DescService[],
) {
  const index = new DescriptorIndex([...files, ...reflectionFiles]);
  for (const service of reflectionServices) {
    const [{ output }] = service.methods;
    async function* serverReflectionInfo(requests: AsyncIterable<unknown>): AsyncGenerator<Message> {
      for await (const request of requests) yield answer(output, request as Request, index, services);
    }
    router.service(service, { serverReflectionInfo } as unknown as Partial<ServiceImpl<DescService>>);
  }
}

interface Request {
  host: string;
  messageRequest: Member;
}

function answer(
  desc: DescMessage,
  request: Request,
  index: DescriptorIndex,
  services: readonly DescService[],
): Message {
  const reply = (name: string, value: unknown) =>
    create(desc, {
      validHost: request.host,
      originalRequest: request,
      messageResponse: { case: name, value },
    } as never);
  const files = (file: DescFile | undefined, what: string) =>
    file === undefined
      ? reply("errorResponse", { errorCode: Code.NotFound, errorMessage: `${what} is not known` })
      : reply("fileDescriptorResponse", { fileDescriptorProto: index.bytes(file) });

  const { case: kind, value } = request.messageRequest;
  const name = String(value);
  switch (kind) {
    case "listServices":
      return reply("listServicesResponse", {
        service: services.map(({ typeName }) => ({ name: typeName })),
      });
    case "fileByFilename":
      return files(index.byName.get(name), name);
    case "fileContainingSymbol":
      return files(index.bySymbol.get(name), name);
    case "allExtensionNumbersOfType":
      return reply("allExtensionNumbersResponse", { baseTypeName: name, extensionNumber: [] });
    case "fileContainingExtension":
      return files(undefined, "the extension");
    default:
      return reply("errorResponse", { errorCode: Code.InvalidArgument, errorMessage: "nothing was asked" });
  }
}

/** Files by their names and by what they declare. */
class DescriptorIndex {
  readonly byName = new Map<string, DescFile>();
  readonly bySymbol = new Map<string, DescFile>();

  constructor(files: readonly DescFile[]) {
    for (const file of files) {
      this.byName.set(file.proto.name, file);
      for (const service of file.services) {
        this.bySymbol.set(service.typeName, file);
        for (const { name } of service.methods) this.bySymbol.set(`${service.typeName}.${name}`, file);
      }
      for (const desc of file.enums) this.bySymbol.set(desc.typeName, file);
      for (const desc of file.messages) this.addMessage(desc, file);
    }
  }

  private addMessage(desc: DescMessage, file: DescFile): void {
    this.bySymbol.set(desc.typeName, file);
    for (const inner of desc.nestedEnums) this.bySymbol.set(inner.typeName, file);
    for (const inner of desc.nestedMessages) this.addMessage(inner, file);
  }

  /** The file, and behind it all that it imports. */
  bytes(file: DescFile, found = new Map<string, Uint8Array>()): Uint8Array[] {
    for (const dependency of file.dependencies) this.bytes(dependency, found);
    found.set(file.proto.name, toBinary(FileDescriptorProtoSchema, file.proto));
    // Clients take the first for the file that they asked for.
    return [...found.values()].reverse();
  }
}
