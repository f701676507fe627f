import { expect, test } from "vitest";
import { openApiDocument } from "./openapi.js";
import { routes } from "./routes.js";

const document = openApiDocument();

test("every operation is described, with its body and its result", () => {
  for (const { path, method, operation, body, media } of routes) {
    const described = document.paths[path][method.toLowerCase()];
    expect(described.operationId).toBe(operation);
    expect("requestBody" in described).toBe(body !== undefined || media.request !== undefined);
    const named = (described.parameters as { name: string; in: string }[]).filter((p) => p.in === "path");
    expect(named.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
    expect(described.responses).toHaveProperty("200");
  }
  expect(new Set(routes.map(({ operation }) => operation)).size).toBe(routes.length);
});

test("every reference leads to a component, and every component is used", () => {
  const referred = new Set(
    Array.from(
      JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g),
      ([, name]) => name,
    ),
  );
  expect([...referred].sort()).toEqual(Object.keys(document.components.schemas).sort());
  expect(referred).toContain("PointStruct");
});

test("every schema is one that OpenAPI 3.0 knows", () => {
  const keywords = new Set([
    ...["$ref", "type", "format", "description", "nullable", "enum", "anyOf", "allOf", "items", "properties"],
    ...["required", "additionalProperties", "minimum", "maximum", "minLength", "maxLength", "pattern"],
    ...["minItems", "maxItems"],
  ]);
  const types = new Set(["object", "array", "string", "number", "integer", "boolean"]);
  const visit = (schema: Record<string, unknown>): void => {
    for (const key of Object.keys(schema)) expect(keywords).toContain(key);
    if (schema.type !== undefined) expect(types).toContain(schema.type);
    if (schema.type === "array") expect(schema.items).toBeTypeOf("object");
    const properties = Object.values((schema.properties ?? {}) as Record<string, Record<string, unknown>>);
    const alternatives = [...((schema.anyOf ?? []) as []), ...((schema.allOf ?? []) as [])];
    const inner = [schema.items, schema.additionalProperties].filter((part) => typeof part === "object");
    for (const part of [...properties, ...alternatives, ...inner]) visit(part as Record<string, unknown>);
  };
  for (const schema of Object.values(document.components.schemas)) visit(schema);
});
