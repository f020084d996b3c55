/** The requests of test/golden/admission. */
import { Golden } from './golden.ts';

/** A request; what differs from what the API server sends is named. */
export interface AdmissionCase {
  readonly path: string;
  /** POST, where nothing is said. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Instead of a body: the very text. */
  readonly text?: string;
}

export const ADMISSIONS = new Golden('admission');

/** All of them, each with the name of its file. */
export function goldenAdmissions(): readonly { readonly name: string; readonly input: AdmissionCase }[] {
  return ADMISSIONS.names.map((name) => ({ name, input: ADMISSIONS.given(name) as AdmissionCase }));
}
