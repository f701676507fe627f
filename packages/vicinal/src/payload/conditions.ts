/**
 * What the conditions on a field mean: each kind is one test, on the values of a payload and on a column.
 *
 * The meaning is Qdrant's for fields without an index, so that creating one never changes an answer, but for text:
 * a text index says what the words of a field are. A condition looks at the items of an array at the end of the path,
 * one level deep, and holds if it holds for any; integers are compared exactly, whatever their size (JavaScript has one
 * number type, so 1 and 1.0 are equal; in Qdrant they are not).
 *
 * A new kind of condition is a schema in filter-schema.ts and a `FieldTest`, listed in `fieldTest`.
 */
import { anyTest, type FieldTest, prefixTest } from "./field-test.js";
import type { FieldCondition, Match } from "./filter-schema.js";
import { boxArea, circleArea, polygonArea } from "./geo.js";
import { areaTest } from "./geo-tests.js";
import { isAnyOf, isNoneOf } from "./match-tests.js";
import { isEmptyTest, isNullTest, valuesCountTest } from "./presence-tests.js";
import { rangeTest } from "./range-tests.js";
import { textTest } from "./text-tests.js";

/** The test of a field condition. Where several are given, Qdrant's precedence is followed. */
export function fieldTest(condition: FieldCondition): FieldTest {
  const { match, range, geo_bounding_box, geo_radius, geo_polygon } = condition;
  const { values_count, is_empty, is_null } = condition;
  if (isGiven(values_count)) return valuesCountTest(values_count);
  if (isGiven(is_empty)) return isEmptyTest(is_empty);
  if (isGiven(is_null)) return isNullTest(is_null);
  const tests: FieldTest[] = [];
  if (isGiven(match)) tests.push(matchTest(match));
  if (isGiven(range)) tests.push(rangeTest(range));
  if (isGiven(geo_bounding_box)) tests.push(areaTest(boxArea(geo_bounding_box)));
  if (isGiven(geo_radius)) tests.push(areaTest(circleArea(geo_radius)));
  if (isGiven(geo_polygon)) tests.push(areaTest(polygonArea(geo_polygon)));
  return tests.length === 1 ? tests[0] : anyTest(tests);
}

function isGiven<T>(part: T | null | undefined): part is T {
  return part !== undefined && part !== null;
}

function matchTest(match: Match): FieldTest {
  if ("value" in match) return isAnyOf([match.value]);
  if ("any" in match) return isAnyOf(match.any);
  if ("except" in match) return isNoneOf(match.except);
  if ("prefix" in match) return prefixTest(match.prefix);
  if ("text" in match) return textTest("all", match.text);
  return "phrase" in match ? textTest("phrase", match.phrase) : textTest("any", match.text_any);
}
