/** Vicinal behind HTTP, speaking Qdrant's REST API 1.19. */

export { damageLines } from "./issues.js";
export { type OpenApiDocument, openApiDocument } from "./openapi.js";
export {
  createServer,
  defaultBodyLimitBytes,
  defaultHost,
  defaultPort,
  type ListenOptions,
  type Server,
  type ServerAddress,
  type ServerOptions,
} from "./server.js";
