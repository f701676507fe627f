"""Makes gRPC calls for a test in another language: one JSON line in per call, one JSON line out.

    usage:  grpc_calls.py HOST:PORT
    in:     {"service": "qdrant.Points", "method": "Query", "request": <proto JSON>}
    out:    {"response": <proto JSON>}  or  {"code": "NOT_FOUND", "details": "..."}

What the services and their messages look like is asked of the server itself, by reflection, so no generated
stubs are needed; encoding and transport are those of Python's own gRPC packages.
"""

import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

REFLECTION = "grpc.reflection.v1alpha"
FIELD = descriptor_pb2.FieldDescriptorProto


def add_message(file, name, fields):
    """Fields as (name, number, type, type of message or None, repeated)."""
    message = file.message_type.add(name=name)
    for field_name, number, kind, type_name, repeated in fields:
        message.field.add(
            name=field_name,
            number=number,
            type=kind,
            type_name=type_name and f".{REFLECTION}.{type_name}",
            label=FIELD.LABEL_REPEATED if repeated else FIELD.LABEL_OPTIONAL,
        )


def reflection_messages():
    """The messages of the reflection service, as far as they are used here."""
    file = descriptor_pb2.FileDescriptorProto(name="reflection.proto", package=REFLECTION, syntax="proto3")
    add_message(
        file,
        "ServerReflectionRequest",
        [
            ("file_by_filename", 3, FIELD.TYPE_STRING, None, False),
            ("file_containing_symbol", 4, FIELD.TYPE_STRING, None, False),
        ],
    )
    add_message(file, "FileDescriptorResponse", [("file_descriptor_proto", 1, FIELD.TYPE_BYTES, None, True)])
    add_message(
        file,
        "ServerReflectionResponse",
        [("file_descriptor_response", 4, FIELD.TYPE_MESSAGE, "FileDescriptorResponse", False)],
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return [message_class(pool, f"{REFLECTION}.{name}") for name in ("ServerReflectionRequest", "ServerReflectionResponse")]


def message_class(pool, name):
    descriptor = pool.FindMessageTypeByName(name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


class Client:
    def __init__(self, address):
        self.channel = grpc.insecure_channel(address)
        self.pool = descriptor_pool.DescriptorPool()
        self.known = set()
        self.request_class, response_class = reflection_messages()
        self.reflect = self.channel.stream_stream(
            f"/{REFLECTION}.ServerReflection/ServerReflectionInfo",
            request_serializer=self.request_class.SerializeToString,
            response_deserializer=response_class.FromString,
        )

    def add_files(self, **question):
        answer = next(iter(self.reflect(iter([self.request_class(**question)]))))
        files = [
            descriptor_pb2.FileDescriptorProto.FromString(data)
            for data in answer.file_descriptor_response.file_descriptor_proto
        ]
        self.add_in_order(files, {file.name: file for file in files})

    def add_in_order(self, files, given):
        """A file can be added once those are there that it imports."""
        for file in files:
            if file.name in self.known:
                continue
            self.known.add(file.name)
            for imported in file.dependency:
                if imported in given:
                    self.add_in_order([given[imported]], given)
                elif imported not in self.known:
                    self.add_files(file_by_filename=imported)
            self.pool.Add(file)

    def method(self, service, name):
        try:
            found = self.pool.FindServiceByName(service)
        except KeyError:
            self.add_files(file_containing_symbol=service)
            found = self.pool.FindServiceByName(service)
        return found.methods_by_name[name]

    def call(self, service, name, request):
        method = self.method(service, name)
        request_class = message_class(self.pool, method.input_type.full_name)
        response_class = message_class(self.pool, method.output_type.full_name)
        send = self.channel.unary_unary(
            f"/{service}/{name}",
            request_serializer=request_class.SerializeToString,
            response_deserializer=response_class.FromString,
        )
        response = send(json_format.ParseDict(request, request_class()), timeout=30)
        return json_format.MessageToDict(response)


def main():
    client = Client(sys.argv[1])
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"response": client.call(asked["service"], asked["method"], asked["request"])}
        except grpc.RpcError as error:
            answer = {"code": error.code().name, "details": error.details()}
        print(json.dumps(answer), flush=True)


main()
