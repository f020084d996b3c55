/** Formats findings: as one line each, which people and editors read, or as JSON. */
import { CRON, KIND } from '../shared/api/group.ts';
import { escaped, printableLine } from '../shared/printable-text.ts';
import { type Finding, isError } from './validate-manifest.ts';
import type { ObjectPlace } from './read-manifests.ts';

export interface FileReport {
  readonly file: string;
  readonly sequences: number;
  /** The number of CronSequentialJobs. */
  readonly schedules: number;
  /** The number of objects of other kinds, which lint skips. */
  readonly skipped: number;
  /** The file has only one object, so a finding need not name the document and the item. */
  readonly hasOneObject: boolean;
  readonly findings: readonly Finding[];
}

interface Report {
  readonly findings: string;
  readonly summary: string;
}

/** `bad.yaml:7:5: document 2: spec.steps[1].name: Duplicate value: "load"`; a warning has `warning: ` before the path. */
export function textReport(reports: readonly FileReport[]): Report {
  const lines = reports.flatMap(({ file, hasOneObject, findings }) =>
    findings.map(({ line, column, severity, place, message }) => {
      const which = hasOneObject ? '' : `${placeText(place)}: `;
      const kind = severity === 'warning' ? 'warning: ' : '';
      return `${printableLine(file)}:${line}:${column}: ${which}${kind}${printableLine(message)}\n`;
    }),
  );
  return { findings: lines.join(''), summary: summary(reports) };
}

/** A JSON array of findings, possibly empty. */
export function jsonReport(reports: readonly FileReport[]): Report {
  const findings = reports.flatMap(({ file, findings }) =>
    findings.map(({ line, column, severity, place, path, message }) => {
      const items = place.items.length === 0 ? {} : { items: place.items };
      return { file, line, column, document: place.document, ...items, severity, path, message };
    }),
  );
  return { findings: `${escaped(JSON.stringify(findings, undefined, 2))}\n`, summary: summary(reports) };
}

/** `document 2`, `document 1, item 3`. */
export const placeText = ({ document, items }: ObjectPlace): string =>
  [`document ${document}`, ...items.map((item) => `item ${item}`)].join(', ');

function summary(reports: readonly FileReport[]): string {
  if (reports.length === 0) return '';
  const missing = reports.filter(
    ({ sequences, schedules, findings }) => sequences + schedules === 0 && !findings.some(isError),
  );
  const total = (count: (report: FileReport) => number): number => reports.reduce((sum, one) => sum + count(one), 0);
  const [sequences, schedules] = [total((one) => one.sequences), total((one) => one.schedules)];
  const errors = total(({ findings }) => findings.filter(isError).length);
  const warnings = total(({ findings }) => findings.length) - errors;
  const others = total((one) => one.skipped);
  const verdict = [
    ...(sequences === 0 && schedules > 0 ? [] : [count(sequences, KIND)]),
    ...(schedules === 0 ? [] : [count(schedules, CRON.kind)]),
    errors === 0 ? 'no errors' : count(errors, 'error'),
    ...(warnings === 0 ? [] : [count(warnings, 'warning')]),
    ...(others === 0 ? [] : [`${count(others, 'other object')} skipped`]),
  ];
  return [
    ...missing.map(({ file }) => `${printableLine(file)}: no SequentialJob in it\n`),
    `${verdict.join(', ')}\n`,
  ].join('');
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
