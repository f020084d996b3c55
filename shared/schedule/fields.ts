/** The five fields of a cron expression, read as robfig/cron v3 reads them (parser.go), which batch/v1 CronJob uses. */

/** What the wall clock must show. */
export interface CronFields {
  /** Ascending, as are the hours. */
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly daysOfMonth: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly daysOfWeek: ReadonlySet<number>;
  /** Both fields restrict the day: then a day that one of them names is enough. */
  readonly isEitherDayEnough: boolean;
}

/** What is wrong with an expression, in words that follow its path. */
export class ExpressionError extends Error {}

interface Bounds {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** In order, from `min`. */
  readonly names?: readonly string[];
}

const MINUTE: Bounds = { name: 'minute', min: 0, max: 59 };
const HOUR: Bounds = { name: 'hour', min: 0, max: 23 };
const DAY_OF_MONTH: Bounds = { name: 'day of month', min: 1, max: 31 };
const MONTH: Bounds = {
  name: 'month',
  min: 1,
  max: 12,
  names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
};
const DAY_OF_WEEK: Bounds = {
  name: 'day of week',
  min: 0,
  max: 6,
  names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
};

interface Field {
  readonly values: ReadonlySet<number>;
  /** It has a `*` or `?` that skips no value. */
  readonly isStar: boolean;
}

/** Throws an ExpressionError that names the field. */
export function parseFields(texts: readonly string[]): CronFields {
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = ''] = texts;
  const dom = parseField(dayOfMonth, DAY_OF_MONTH);
  const dow = parseField(dayOfWeek, DAY_OF_WEEK);
  return {
    minutes: ascending(parseField(minute, MINUTE)),
    hours: ascending(parseField(hour, HOUR)),
    daysOfMonth: dom.values,
    months: parseField(month, MONTH).values,
    daysOfWeek: dow.values,
    isEitherDayEnough: !dom.isStar && !dow.isStar,
  };
}

const ascending = (field: Field): readonly number[] => [...field.values].toSorted((a, b) => a - b);

/** Empty elements of a list are skipped, but robfig/cron's field of none, which never comes, is refused. */
function parseField(text: string, bounds: Bounds): Field {
  const values = new Set<number>();
  let isStar = false;
  for (const element of text.split(',')) {
    if (element === '') continue;
    const { start, end, step, isStar: isElementStar } = parseElement(element, bounds);
    isStar ||= isElementStar;
    for (let value = start; value <= end; value += step) values.add(value);
  }
  if (values.size === 0) throw new ExpressionError(`the ${bounds.name} "${text}" has no value`);
  return { values, isStar };
}

interface Element {
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly isStar: boolean;
}

/** `*`, `?`, `5`, `5-10`, each also with a step; `5/10` reaches to the maximum. */
function parseElement(element: string, bounds: Bounds): Element {
  const [range = '', stepText, ...moreSteps] = element.split('/');
  if (moreSteps.length > 0) throw invalid(bounds, element, 'has more than one slash');
  const step = stepText === undefined ? 1 : parseNumber(stepText, bounds, element);
  if (step === 0) throw invalid(bounds, element, 'has a step of 0');
  const { start, end, isStar } = parseRange(range, bounds, element);
  const last = stepText !== undefined && !range.includes('-') ? bounds.max : end;
  if (start < bounds.min || last > bounds.max) {
    throw invalid(bounds, element, `must be from ${bounds.min} to ${bounds.max}`);
  }
  if (start > last) throw invalid(bounds, element, 'ends before it begins');
  return { start, end: last, step, isStar: isStar && step === 1 };
}

function parseRange(range: string, bounds: Bounds, element: string): Omit<Element, 'step'> {
  const [low = '', high, ...more] = range.split('-');
  // robfig/cron ignores what follows a star.
  if (low === '*' || low === '?') return { start: bounds.min, end: bounds.max, isStar: true };
  if (more.length > 0) throw invalid(bounds, element, 'has more than one hyphen');
  const start = parseValue(low, bounds, element);
  return { start, end: high === undefined ? start : parseValue(high, bounds, element), isStar: false };
}

function parseValue(text: string, bounds: Bounds, element: string): number {
  const index = bounds.names?.indexOf(text.toLowerCase()) ?? -1;
  return index === -1 ? parseNumber(text, bounds, element) : bounds.min + index;
}

const MAX_INT = 2n ** 63n - 1n;

/** Go's `strconv.Atoi` takes a plus sign. */
function parseNumber(text: string, bounds: Bounds, element: string): number {
  if (!/^\+?\d+$/.test(text) || BigInt(text.replace('+', '')) > MAX_INT) {
    throw invalid(bounds, element, `has "${text}" where a number${bounds.names ? ' or a name' : ''} must be`);
  }
  return Number(text);
}

const invalid = (bounds: Bounds, element: string, wrong: string): ExpressionError =>
  new ExpressionError(`the ${bounds.name} "${element}" ${wrong}`);
