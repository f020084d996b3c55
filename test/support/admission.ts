/** Which namespaces of the test cluster are whose: the webhook that all tests share, one of a test's own, or nobody's. */

export const ADMISSION_LABEL = 'tests.example.com/admission';

/** The namespaces of the shared webhook: all without the label. */
export const SHARED = { matchExpressions: [{ key: ADMISSION_LABEL, operator: 'DoesNotExist' }] } as const;

/** The labels of a namespace that no webhook is asked about, as where an administrator has taken it away. */
export const BYPASSED = { [ADMISSION_LABEL]: 'bypassed' } as const;

/** A webhook of a test's own: the labels of its namespaces, and how they are selected. */
export function ownAdmission(name: string): {
  readonly labels: Readonly<Record<string, string>>;
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
} {
  const labels = { [ADMISSION_LABEL]: name };
  return { labels, selector: { matchLabels: labels } };
}
