/**
 * Messages as bodies of the REST schemas: one walk over the descriptors, by the names of names.ts and the exceptions of
 * request-exceptions.ts. Nothing is checked here; the engine's schemas do that.
 */
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { enumText, restName, wrappers } from "./names.js";
import { exceptions } from "./request-exceptions.js";

/** A decoded message: its fields by their names in JavaScript. */
export type Decoded = Message & Record<string, unknown>;

/** The set member of a oneof. */
export interface Member {
  case: string | undefined;
  value?: unknown;
}

/** Lists and maps that mean something when they are empty: all others are left out then, as proto3 cannot say absent. */
const keptEmpty: ReadonlySet<string> = new Set([
  "points",
  "ids",
  "keys",
  "has_id",
  "conditions",
  "strings",
  "integers",
  "names",
  "fields",
  "data",
  "indices",
  "values",
  "searches",
  "actions",
  "operations",
  "pairs",
  "map",
  "vectors",
  "payload",
  "feedback",
  "mult",
  "sum",
]);

/** What `message` says, as REST says it. */
export function fromMessage(desc: DescMessage, message: Decoded): unknown {
  const exception = exceptions[desc.name];
  if (exception !== undefined) return exception(message, desc);
  if (wrappers.has(desc.name)) return unwrapped(desc, message);
  return fromFields(desc, message);
}

/** The object of all fields that are set. */
export function fromFields(desc: DescMessage, message: Decoded): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const field of desc.fields) {
    const value = fieldValue(field, message);
    if (value !== undefined) body[restName(field)] = value;
  }
  return body;
}

/** What stands in a wrapper's place. */
function unwrapped(desc: DescMessage, message: Decoded): unknown {
  for (const field of desc.fields) {
    const value = fieldValue(field, message);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** A field by its proto name, converted. */
export function named(desc: DescMessage, message: Decoded, name: string): unknown {
  const field = desc.fields.find((one) => one.name === name);
  if (field === undefined) throw new Error(`${desc.name} has no field ${name}`);
  return fieldValue(field, message);
}

function fieldValue(field: DescField, message: Decoded): unknown {
  const raw = rawValue(field, message);
  if (raw === undefined) return undefined;
  switch (field.fieldKind) {
    case "scalar":
      return scalar(raw);
    case "enum":
      return enumText(field.enum, raw as number);
    case "message":
      return fromMessage(field.message, raw as Decoded);
    case "list":
      return (raw as unknown[]).length === 0 && !keptEmpty.has(field.name)
        ? undefined
        : listValue(field, raw as unknown[]);
    case "map": {
      const entries = Object.entries(raw as Record<string, unknown>);
      if (entries.length === 0 && !keptEmpty.has(field.name)) return undefined;
      return Object.fromEntries(entries.map(([key, value]) => [key, mapValue(field, value)]));
    }
  }
}

function rawValue(field: DescField, message: Decoded): unknown {
  if (field.oneof === undefined) return message[field.localName];
  const member = message[field.oneof.localName] as Member;
  return member.case === field.localName ? member.value : undefined;
}

function listValue(field: DescField & { fieldKind: "list" }, raw: unknown[]): unknown[] {
  switch (field.listKind) {
    case "scalar":
      // Floats and 32-bit integers are what they are: vectors pass without a copy.
      return typeof raw[0] === "bigint" ? raw.map(scalar) : raw;
    case "enum":
      return raw.map((one) => enumText(field.enum, one as number));
    case "message":
      return raw.map((one) => fromMessage(field.message, one as Decoded));
  }
}

function mapValue(field: DescField & { fieldKind: "map" }, raw: unknown): unknown {
  return field.mapKind === "message" ? fromMessage(field.message, raw as Decoded) : scalar(raw);
}

/** 64-bit integers are numbers where a number is exact. */
function scalar(raw: unknown): unknown {
  if (typeof raw !== "bigint") return raw;
  return raw >= Number.MIN_SAFE_INTEGER && raw <= Number.MAX_SAFE_INTEGER ? Number(raw) : raw;
}
