/** The platform's SHA-256, for rooms that do not name the platform. */
export { Sha256 } from "#platform/sha256.js";
