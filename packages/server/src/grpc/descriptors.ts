/** Proto files of our own, where no package has their descriptors: written as data, as a compiler would put them. */
import {
  create,
  createFileRegistry,
  type DescFile,
  type DescService,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FieldDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";

type Field = MessageInitShape<typeof FieldDescriptorProtoSchema>;

const { STRING, BYTES, INT32, UINT64, MESSAGE, ENUM } = FieldDescriptorProto_Type;

/** `name: number kind`; a kind with a dot is a message's full name. */
function field(
  name: string,
  number: number,
  kind: FieldDescriptorProto_Type | string,
  more: Field = {},
): Field {
  const type = typeof kind === "string" ? { type: MESSAGE, typeName: kind } : { type: kind };
  return { name, number, label: FieldDescriptorProto_Label.OPTIONAL, ...type, ...more };
}

const repeated = { label: FieldDescriptorProto_Label.REPEATED };
const first = { oneofIndex: 0 };

function fileOf(
  proto: NonNullable<MessageInitShape<typeof FileDescriptorSetSchema>["file"]>[number],
): DescFile {
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [proto] }));
  for (const file of registry.files) return file;
  throw new Error(`No descriptor of ${proto.name}`);
}

/** The standard health service. */
export const healthFile = fileOf({
  name: "grpc/health/v1/health.proto",
  package: "grpc.health.v1",
  syntax: "proto3",
  messageType: [
    { name: "HealthCheckRequest", field: [field("service", 1, STRING)] },
    {
      name: "HealthCheckResponse",
      field: [field("status", 1, ENUM, { typeName: ".grpc.health.v1.HealthCheckResponse.ServingStatus" })],
      enumType: [
        {
          name: "ServingStatus",
          value: [
            { name: "UNKNOWN", number: 0 },
            { name: "SERVING", number: 1 },
            { name: "NOT_SERVING", number: 2 },
            { name: "SERVICE_UNKNOWN", number: 3 },
          ],
        },
      ],
    },
  ],
  service: [
    {
      name: "Health",
      method: [
        {
          name: "Check",
          inputType: ".grpc.health.v1.HealthCheckRequest",
          outputType: ".grpc.health.v1.HealthCheckResponse",
        },
        {
          name: "Watch",
          inputType: ".grpc.health.v1.HealthCheckRequest",
          outputType: ".grpc.health.v1.HealthCheckResponse",
          serverStreaming: true,
        },
      ],
    },
  ],
});

/** Server reflection: both versions say the same in other packages. */
export const reflectionFiles: readonly DescFile[] = ["v1", "v1alpha"].map((version) => {
  const name = `grpc.reflection.${version}`;
  return fileOf({
    name: `grpc/reflection/${version}/reflection.proto`,
    package: name,
    syntax: "proto3",
    messageType: [
      {
        name: "ServerReflectionRequest",
        oneofDecl: [{ name: "message_request" }],
        field: [
          field("host", 1, STRING),
          field("file_by_filename", 3, STRING, first),
          field("file_containing_symbol", 4, STRING, first),
          field("file_containing_extension", 5, `.${name}.ExtensionRequest`, first),
          field("all_extension_numbers_of_type", 6, STRING, first),
          field("list_services", 7, STRING, first),
        ],
      },
      {
        name: "ExtensionRequest",
        field: [field("containing_type", 1, STRING), field("extension_number", 2, INT32)],
      },
      {
        name: "ServerReflectionResponse",
        oneofDecl: [{ name: "message_response" }],
        field: [
          field("valid_host", 1, STRING),
          field("original_request", 2, `.${name}.ServerReflectionRequest`),
          field("file_descriptor_response", 4, `.${name}.FileDescriptorResponse`, first),
          field("all_extension_numbers_response", 5, `.${name}.ExtensionNumberResponse`, first),
          field("list_services_response", 6, `.${name}.ListServiceResponse`, first),
          field("error_response", 7, `.${name}.ErrorResponse`, first),
        ],
      },
      { name: "FileDescriptorResponse", field: [field("file_descriptor_proto", 1, BYTES, repeated)] },
      {
        name: "ExtensionNumberResponse",
        field: [field("base_type_name", 1, STRING), field("extension_number", 2, INT32, repeated)],
      },
      { name: "ListServiceResponse", field: [field("service", 1, `.${name}.ServiceResponse`, repeated)] },
      { name: "ServiceResponse", field: [field("name", 1, STRING)] },
      {
        name: "ErrorResponse",
        field: [field("error_code", 1, INT32), field("error_message", 2, STRING)],
      },
    ],
    service: [
      {
        name: "ServerReflection",
        method: [
          {
            name: "ServerReflectionInfo",
            inputType: `.${name}.ServerReflectionRequest`,
            outputType: `.${name}.ServerReflectionResponse`,
            clientStreaming: true,
            serverStreaming: true,
          },
        ],
      },
    ],
  });
});

const uint = (name: string, number: number) => field(name, number, UINT64);
const original = field("original", 1, ".vicinal.Original");
const point = field("point", 1, ".vicinal.Point");
const blobName = field("name", 2, STRING);
/** A message of a stream: the first has a head, the others have bytes. */
const parted = (name: string, head: Field[]) => ({
  name,
  oneofDecl: [{ name: "part" }],
  field: [field("head", 1, `.vicinal.${name}.Head`, first), field("bytes", 2, BYTES, first)],
  nestedType: [{ name: "Head", field: head }],
});
const method = (name: string, streams: { clientStreaming?: boolean; serverStreaming?: boolean } = {}) => ({
  name,
  inputType: `.vicinal.${name}Request`,
  outputType: `.vicinal.${name}Response`,
  ...streams,
});

/** `proto/vicinal/originals.proto`, which says what each is. */
export const originalsFile = fileOf({
  name: "vicinal/originals.proto",
  package: "vicinal",
  syntax: "proto3",
  messageType: [
    {
      name: "Point",
      oneofDecl: [{ name: "id" }],
      field: [
        field("collection_name", 1, STRING),
        field("num", 2, UINT64, first),
        field("uuid", 3, STRING, first),
      ],
    },
    {
      name: "Original",
      field: [
        field("name", 1, STRING),
        field("type", 2, STRING),
        uint("size", 3),
        field("sha256", 4, STRING),
      ],
    },
    parted("PutRequest", [point, blobName, field("type", 3, STRING)]),
    { name: "PutResponse", field: [original] },
    { name: "GetRequest", field: [point, blobName, uint("start", 3), uint("length", 4)] },
    parted("GetResponse", [original, uint("start", 2), uint("length", 3)]),
    { name: "DeleteRequest", field: [point, blobName] },
    { name: "DeleteResponse" },
    { name: "ListRequest", field: [point] },
    { name: "ListResponse", field: [field("originals", 1, ".vicinal.Original", repeated)] },
  ],
  service: [
    {
      name: "Originals",
      method: [
        method("Put", { clientStreaming: true }),
        method("Get", { serverStreaming: true }),
        method("Delete"),
        method("List"),
      ],
    },
  ],
});

export function onlyService(file: DescFile): DescService {
  return file.services[0];
}
