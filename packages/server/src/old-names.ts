/** Names by which clients still send members of a body that are called otherwise now. */
const newNames: Readonly<Record<string, string>> = { with_vectors: "with_vector", top: "limit" };

/** The body, and each request of a batch of searches, with the names of today; what has these already keeps it. */
export function withNewNames(body: unknown): unknown {
  if (!isObject(body)) return body;
  const renamed = renamedMembers(body);
  const { searches } = renamed;
  return Array.isArray(searches)
    ? { ...renamed, searches: searches.map((one) => (isObject(one) ? renamedMembers(one) : one)) }
    : renamed;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function renamedMembers(body: Record<string, unknown>): Record<string, unknown> {
  let renamed = body;
  for (const [old, name] of Object.entries(newNames)) {
    if (!Object.hasOwn(renamed, old)) continue;
    const { [old]: value, ...rest } = renamed;
    renamed = { [name]: value, ...rest };
  }
  return renamed;
}
