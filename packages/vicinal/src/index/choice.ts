/** An index as it is chosen: a family and its parameters, checked for the vectors that it is to serve. */
import { VicinalError } from "../runtime/errors.js";
import type { IndexFamily, VectorKind } from "./contract.js";
import { familyNamed } from "./families.js";

/** JSON-able: it stands in the manifest beside the file of an index that was built so. */
export interface IndexChoice {
  family: string;
  /** As `IndexFamily.parameters` gives them, defaults filled in, the encoding spelled out. */
  parameters: Readonly<Record<string, unknown>>;
}

/** What is given, with the defaults. BAD_REQUEST or OUT_OF_RANGE names the `field` and what is allowed. */
export function chooseIndex(
  name: string,
  given: Readonly<Record<string, unknown>>,
  vectors: VectorKind,
): IndexChoice {
  const family = familyNamed(name);
  const known = Object.keys(defaultsOf(family));
  for (const field of Object.keys(given))
    if (!known.includes(camelCase(field)))
      throw new VicinalError(
        "BAD_REQUEST",
        `${name} has no parameter ${field}; ${known.length === 0 ? "it takes none" : `there are: ${known.join(", ")}`}`,
        { field, allowed: known },
      );
  return { family: name, parameters: fitted(family, given, vectors) };
}

/** Checked parameters; what `encoding: auto` stands for is named, so that asking for what is there changes nothing. */
function fitted(family: IndexFamily, given: unknown, vectors: VectorKind): Record<string, unknown> {
  const parameters = family.parameters(given) as Record<string, unknown>;
  family.check?.(parameters, vectors);
  const encoding = family.encodingOf?.(parameters, vectors);
  return encoding === undefined ? parameters : { ...parameters, encoding };
}

const camelCase = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

function defaultsOf(family: IndexFamily): Record<string, unknown> {
  return family.parameters({}) as Record<string, unknown>;
}

/**
 * Whether an index that was built as the one choice is what the other asks for. A parameter that the older choice does
 * not name (it came later) had its default.
 */
export function sameChoice(built: IndexChoice | undefined, wanted: IndexChoice | undefined): boolean {
  if (built === wanted) return true;
  if (!built || !wanted || built.family !== wanted.family) return false;
  const had: Record<string, unknown> = { ...defaultsOf(familyNamed(built.family)), ...built.parameters };
  return Object.entries(wanted.parameters).every(
    ([name, value]) => JSON.stringify(had[name]) === JSON.stringify(value),
  );
}

/** The code of the family whose bits per component are nearest to those wanted, the larger of two; undefined for none. */
export function encodingOfBits(name: string, bits: number, vectors: VectorKind): string | undefined {
  const family = familyNamed(name);
  const distance = (own: number) => Math.abs(own - bits);
  return Object.entries(family.encodings ?? {})
    .filter(([encoding]) => serves(family, encoding, vectors))
    .sort(([, a], [, b]) => distance(a) - distance(b) || b - a)[0]?.[0];
}

function serves(family: IndexFamily, encoding: string, vectors: VectorKind): boolean {
  try {
    fitted(family, { encoding }, vectors);
    return true;
  } catch {
    return false;
  }
}
