/** The OpenAPI 3.0 document, from the table of operations and the schemas that validate them. */
import { type OpenApiComponents, type OpenApiSchema, optional, usage } from "vicinal/protocol";
import { type Route, routes } from "./routes.js";
import { apiVersion, productName } from "./version.js";

export interface OpenApiDocument {
  openapi: string;
  info: { title: string; description: string; version: string };
  paths: Record<string, Record<string, OpenApiSchema>>;
  components: { schemas: Record<string, OpenApiSchema> };
}

const jsonContent = (schema: OpenApiSchema) => ({ content: { "application/json": { schema } } });

export function openApiDocument(): OpenApiDocument {
  const components: OpenApiComponents = new Map();
  components.set("ErrorResponse", errorResponse);
  const paths: OpenApiDocument["paths"] = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    paths[route.path][route.method.toLowerCase()] = operationOf(route, components);
  }
  return {
    openapi: "3.0.1",
    info: {
      title: `${productName} API`,
      description: "A vector database that speaks Qdrant's REST API.",
      version: apiVersion,
    },
    paths,
    components: { schemas: Object.fromEntries(components) },
  };
}

const errorResponse: OpenApiSchema = {
  type: "object",
  required: ["status", "time"],
  properties: {
    status: { type: "object", required: ["error"], properties: { error: { type: "string" } } },
    time: { type: "number", format: "double", description: "Seconds." },
  },
};

const accepted: OpenApiSchema = {
  type: "object",
  required: ["status", "time"],
  properties: { status: { type: "string", enum: ["accepted"] }, time: { type: "number", format: "double" } },
};

const fileBytes: OpenApiSchema = { type: "string", format: "binary" };

function fileForm(field: string): OpenApiSchema {
  return { type: "object", required: [field], properties: { [field]: fileBytes } };
}

function operationOf(route: Route, components: OpenApiComponents): OpenApiSchema {
  const envelope = {
    type: "object",
    required: ["result", "status", "time"],
    properties: {
      result: route.result.toOpenApi(components),
      status: { type: "string", enum: ["ok"] },
      time: { type: "number", format: "double", description: "Seconds." },
      usage: optional(usage).toOpenApi(components),
    },
  };
  const { request, response } = route.media;
  const body = request
    ? {
        requestBody: {
          required: true,
          content: { [request.type]: { schema: "field" in request ? fileForm(request.field) : fileBytes } },
        },
      }
    : route.body && {
        requestBody: { required: true, ...jsonContent(route.body.toOpenApi(components)) },
      };
  const content = response ? { content: { [response]: { schema: fileBytes } } } : jsonContent(envelope);
  return {
    operationId: route.operation,
    summary: route.summary,
    parameters: [...pathParameters(route.path), ...queryParameters(route, components)],
    ...body,
    responses: {
      "200": { description: "The operation succeeded.", ...content },
      ...(route.background
        ? { "202": { description: "The operation goes on.", ...jsonContent(accepted) } }
        : {}),
      default: {
        description: "The operation failed.",
        ...jsonContent({ $ref: "#/components/schemas/ErrorResponse" }),
      },
    },
  };
}

function pathParameters(path: string): OpenApiSchema[] {
  return Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters(route: Route, components: OpenApiComponents): OpenApiSchema[] {
  const { fields } = route.parameters;
  return Object.entries(fields).map(([name, schema]) => ({
    name,
    in: "query",
    required: false,
    schema: schema.toOpenApi(components),
  }));
}
