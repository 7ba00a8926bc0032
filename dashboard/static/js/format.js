/** Numbers, money and dates as the reader's browser writes them. `null` is unknown, and never shown as zero. */

const locales = navigator.languages?.length ? navigator.languages : undefined;
const make = (options) => new Intl.NumberFormat(locales, options);
const whole = make({ maximumFractionDigits: 0 });
const decimal = make({ maximumFractionDigits: 2 });
const one = make({ minimumFractionDigits: 1, maximumFractionDigits: 1 });
const short = make({ notation: "compact", maximumFractionDigits: 1 });
const dollars = make({ style: "currency", currency: "USD" });
const cents = make({
  style: "currency",
  currency: "USD",
  minimumSignificantDigits: 2,
  maximumSignificantDigits: 2,
});
const roundDollars = make({ style: "currency", currency: "USD", trailingZeroDisplay: "stripIfInteger" });
const exactDollars = make({ style: "currency", currency: "USD", maximumFractionDigits: 9 });
const shortDollars = make({
  style: "currency",
  currency: "USD",
  notation: "compact",
  maximumFractionDigits: 1,
});
const percents = make({ style: "percent", maximumFractionDigits: 1 });
const shares = make({ style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

export const UNKNOWN = "–";

/** 1,234,567 */
export const number = (value) => (value == null ? UNKNOWN : whole.format(value));
/** 1,234.57 */
export const quantity = (value) => (value == null ? UNKNOWN : decimal.format(value));
/** 1,234.6 */
export const average = (value) => (value == null ? UNKNOWN : one.format(value));
/** 1.2M */
export const compact = (value) => (value == null ? UNKNOWN : short.format(value));
/** $1,234.57; two significant digits below a cent */
export function usd(value) {
  if (value == null) return UNKNOWN;
  return value !== 0 && Math.abs(value) < 0.01 ? cents.format(value) : dollars.format(value);
}
/** $0.0123456 to the nano-dollar */
export const usdExact = (value) => (value == null ? UNKNOWN : exactDollars.format(value));
/** $1.2K; $1.50 and $2 below a thousand */
export function usdCompact(value) {
  if (value == null) return UNKNOWN;
  if (value !== 0 && Math.abs(value) < 0.01) return cents.format(value);
  return (Math.abs(value) < 1_000 ? roundDollars : shortDollars).format(value);
}
/** 12.3% of a value that is in percent */
export const percent = (value) => (value == null ? UNKNOWN : percents.format(value / 100));
/** The same with one decimal always: below each other, the points stand in line */
export const share = (value) => (value == null ? UNKNOWN : shares.format(value / 100));

/** A calendar day or a month of the API as a date. */
const dated = (day) => new Date(`${day.length === 7 ? `${day}-01` : day}T00:00:00Z`);
const days = (options) => new Intl.DateTimeFormat(locales, { timeZone: "UTC", ...options });
const shortDay = days({ day: "numeric", month: "short" });
const fullDay = days({ day: "numeric", month: "short", year: "numeric" });
const weekday = days({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
const writtenDay = days({ day: "numeric", month: "long" });
const shortMonth = days({ month: "short", year: "numeric" });
const fullMonth = days({ month: "long", year: "numeric" });

/** 3 Nov, or Nov 2026 for a month */
export const day = (text) => (text.length === 7 ? shortMonth : shortDay).format(dated(text));
/** Tue, 3 Nov 2026, or November 2026 */
export const dayLong = (text) => (text.length === 7 ? fullMonth : weekday).format(dated(text));
/** 3 Nov 2026 */
export const dayFull = (text) => fullDay.format(dated(text));
/** 24 Oct – 22 Nov 2026 */
export const range = ({ from, to }) =>
  from === to ? dayFull(from) : fullDay.formatRange(dated(from), dated(to));
/** 3 November: in a sentence */
export const dayWritten = (text) => writtenDay.format(dated(text));
/** 1 – 30 Nov: without the year */
export const rangeShort = ({ from, to }) =>
  from === to ? day(from) : shortDay.formatRange(dated(from), dated(to));

/** 22 Nov 2026, 14:03 in the tenant's time zone */
export function moment(text, timeZone) {
  return new Intl.DateTimeFormat(locales, { timeZone, dateStyle: "medium", timeStyle: "short" }).format(
    new Date(text),
  );
}
/** 14:03:07 in the tenant's time zone */
export function time(text, timeZone) {
  return new Intl.DateTimeFormat(locales, { timeZone, timeStyle: "medium" }).format(new Date(text));
}

const STEPS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const relative = new Intl.RelativeTimeFormat("en"); // words are those of the page

/** 2 hours ago */
export function ago(text, now = Date.now()) {
  const seconds = (Date.parse(text) - now) / 1_000;
  const [unit, size] = STEPS.find(([, least]) => Math.abs(seconds) >= least) ?? [];
  if (!unit) return "just now";
  return relative.format(Math.trunc(seconds / size), unit);
}

/** "1 row", "22 rows" */
export const count = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
