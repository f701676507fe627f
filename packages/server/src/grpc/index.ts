/**
 * Qdrant's gRPC API: the same engine behind another wire.
 *
 *   listener     HTTP/2, API key, closing
 *   services     from a call to its answer       operations   which method of the engine each call is
 *   from-message, request-exceptions             messages as bodies of the REST schemas
 *   to-message, answer-exceptions                results as messages
 *   names        fields and enums of both        status       failures as gRPC codes
 *   originals    blobs of points, a service of our own
 *   health, reflection, descriptors              the standard services of every gRPC server
 */
export { type GrpcListener, type GrpcOptions, listenGrpc } from "./listener.js";
