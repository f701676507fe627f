/**
 * Points in time as payloads and filters write them, as whole microseconds since 1970-01-01T00:00:00Z.
 *
 * Accepted is what Qdrant accepts: RFC 3339 (`2014-01-01T12:30:00.25+02:00`), a space in place of `T`, offsets without
 * colon or minutes (`+0200`, `+02`), and forms without offset, which mean UTC: with or without seconds, or the date
 * alone. Digits beyond microseconds are cut off. A second of 60 is the first of the next minute. The calendar is the
 * Gregorian one, extended to all years. Independent of the platform's `Date`, which stops at milliseconds.
 */

const written =
  /^\s*([+-]?\d{1,6})-(\d{1,2})-(\d{1,2})(?:(?:[Tt]|\s+)(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,30}))?\s*([Zz]|UTC|[+-]\d{2}(?::?\d{2})?)?)?)?\s*$/;

const daysBeforeMonth = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
/** Chrono's range of years, which is Qdrant's; microseconds of all of them fit 64 bits. */
const YEAR_MAX = 262_142;
const MICROS = 1_000_000;

/** Microseconds, a `bigint` beyond 2^53 - 1 (the year 2255); undefined when the text is no point in time. */
export function parseDatetime(text: string): number | bigint | undefined {
  const found = written.exec(text);
  if (!found) return undefined;
  const [
    ,
    yearText,
    monthText,
    dayText,
    hours = "0",
    minutes = "0",
    seconds = "0",
    fraction = "",
    offset = "",
  ] = found;
  if (/^\d{5}/.test(yearText)) return undefined;
  const days = daysSince1970(Number(yearText), Number(monthText), Number(dayText));
  if (days === undefined || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 60)
    return undefined;
  const shift = offsetSeconds(offset);
  if (shift === undefined) return undefined;
  const secondOfDay = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  const total = days * 86_400 + secondOfDay - shift;
  const micros = Number(fraction.slice(0, 6).padEnd(6, "0"));
  const exact = total * MICROS + micros;
  return Number.isSafeInteger(exact) ? exact : BigInt(total) * BigInt(MICROS) + BigInt(micros);
}

function daysSince1970(year: number, month: number, day: number): number | undefined {
  if (month < 1 || month > 12 || day < 1 || day > daysOfMonth(year, month) || Math.abs(year) > YEAR_MAX)
    return undefined;
  const before = year - 1;
  const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400);
  const leapDay = month > 2 && isLeap(year) ? 1 : 0;
  // 719162 days lie between 0001-01-01 and 1970-01-01.
  return before * 365 + leapDays + daysBeforeMonth[month - 1] + leapDay + day - 1 - 719_162;
}

function daysOfMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function offsetSeconds(text: string): number | undefined {
  if (text === "" || !/^[+-]/.test(text)) return 0;
  const hours = Number(text.slice(1, 3));
  const minutes = text.length > 3 ? Number(text.slice(-2)) : 0;
  if (hours > 23 || minutes > 59) return undefined;
  return (text[0] === "-" ? -1 : 1) * (hours * 3600 + minutes * 60);
}
