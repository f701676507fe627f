/**
 * Results of the engine as messages: the way back of from-message.ts, by the same names and with exceptions of its own.
 * What comes out is the data of a message, which the wire's writer checks.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { answerExceptions } from "./answer-exceptions.js";
import { enumNumber, restName, wrappers } from "./names.js";

/** The data of a message: fields by their names in JavaScript. */
export type MessageData = Record<string, unknown>;

export function toMessage(desc: DescMessage, value: unknown): MessageData {
  const exception = answerExceptions[desc.name];
  if (exception !== undefined) return exception(value, desc);
  if (wrappers.has(desc.name)) return wrapping(desc, value);
  return toFields(desc, value as Readonly<Record<string, unknown>>);
}

/** The message of an object whose fields have the same names. */
export function toFields(desc: DescMessage, value: Readonly<Record<string, unknown>>): MessageData {
  const data: MessageData = { $typeName: desc.typeName };
  for (const field of desc.fields) {
    const given = value[restName(field)];
    if (given === undefined || given === null) {
      setAbsent(data, field);
      continue;
    }
    setField(data, field, given);
  }
  return complete(desc, data);
}

/** A message with one member set, already converted. */
export function withMember(desc: DescMessage, name: string, value: unknown): MessageData {
  const field = desc.fields.find((one) => one.name === name);
  if (field === undefined) throw new Error(`${desc.name} has no field ${name}`);
  const data: MessageData = { $typeName: desc.typeName };
  for (const other of desc.fields) setAbsent(data, other);
  setField(data, field, value);
  return complete(desc, data);
}

function setField(data: MessageData, field: DescField, given: unknown): void {
  const value = fieldData(field, given);
  if (field.oneof === undefined) data[field.localName] = value;
  else data[field.oneof.localName] = { case: field.localName, value };
}

/** Every oneof has a place, set or not. */
function complete(desc: DescMessage, data: MessageData): MessageData {
  for (const oneof of desc.oneofs) data[oneof.localName] ??= { case: undefined };
  return data;
}

/** What proto3 has in a place that nothing was said about; fields that can be absent are left out. */
function setAbsent(data: MessageData, field: DescField): void {
  if (field.oneof !== undefined) return;
  const value = absent(field);
  if (value !== undefined) data[field.localName] ??= value;
}

function absent(field: DescField): unknown {
  if (field.fieldKind === "list") return [];
  if (field.fieldKind === "map") return {};
  if (field.presence !== implicitPresence) return undefined;
  if (field.fieldKind === "enum") return 0;
  return field.fieldKind === "scalar" ? zeroOf(field.scalar) : undefined;
}

/** `FeatureSet_FieldPresence.IMPLICIT`: the field is always there, with its kind's zero. */
const implicitPresence = 2;

function wrapping(desc: DescMessage, value: unknown): MessageData {
  const [field] = desc.fields;
  return withMember(desc, field.name, value);
}

function fieldData(field: DescField, given: unknown): unknown {
  switch (field.fieldKind) {
    case "scalar":
      return scalarData(field.scalar, given);
    case "enum":
      return enumNumber(field.enum, given);
    case "message":
      return toMessage(field.message, given);
    case "list":
      return listData(field, given);
    case "map":
      return Object.fromEntries(
        Object.entries(given as Record<string, unknown>).map(([key, value]) => [
          key,
          field.mapKind === "message" ? toMessage(field.message, value) : value,
        ]),
      );
  }
}

function listData(field: DescField & { fieldKind: "list" }, given: unknown): unknown {
  // The writer walks over it, so that a typed array serves as it is.
  if (field.listKind === "scalar")
    return isWide(field.scalar) ? (given as unknown[]).map((one) => scalarData(field.scalar, one)) : given;
  if (field.listKind === "enum") return (given as unknown[]).map((one) => enumNumber(field.enum, one));
  return (given as unknown[]).map((one) => toMessage(field.message, one));
}

function zeroOf(type: ScalarType): unknown {
  if (isWide(type)) return 0n;
  if (type === ScalarType.STRING) return "";
  return type === ScalarType.BOOL ? false : 0;
}

function isWide(type: ScalarType): boolean {
  return type === ScalarType.INT64 || type === ScalarType.UINT64;
}

function scalarData(type: ScalarType, given: unknown): unknown {
  return isWide(type) ? BigInt(given as number | bigint) : given;
}
