/**
 * The claim templates: their names, which are those of volumes, and their labels and annotations. The API server
 * validates the rest by dry run. The name of a claim, `<template>-<sequence>`, always fits: both have at most 63 characters.
 */
import { asObject, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';
import type { ClaimTemplate } from '../jobs/claim-volumes.ts';
import { duplicate, type FieldErrors, invalid, type Path, required } from './field-error.ts';
import { validateReservedKeys } from './labels.ts';
import { dnsLabelProblems } from './names.ts';

type Metadata = Untrusted<NonNullable<ClaimTemplate['metadata']>>;

const metadataOf = (templates: unknown): readonly (Metadata | undefined)[] =>
  asObjects<ClaimTemplate>(templates).map(({ metadata }) => asObject<NonNullable<ClaimTemplate['metadata']>>(metadata));

/** The names of the claim templates, in order; undefined where one has none. */
export const claimTemplateNames = (templates: unknown): readonly (string | undefined)[] =>
  metadataOf(templates).map((metadata) => nonEmptyString(metadata?.name));

/** Validates the claim templates. `volumes`: the names of the template's volumes, from which theirs must differ. */
export function validateClaimTemplates(
  templates: unknown,
  volumes: ReadonlySet<string>,
  at: Path,
  errors: FieldErrors,
): void {
  const taken = new Set(volumes);
  metadataOf(templates).forEach((metadata, i) => {
    const here = at.index(i).child('metadata');
    validateName(metadata?.name, taken, here.child('name'), errors);
    for (const what of ['labels', 'annotations'] as const) {
      validateReservedKeys(metadata?.[what], what, here.child(what), errors);
    }
  });
}

function validateName(value: unknown, taken: Set<string>, at: Path, errors: FieldErrors): void {
  const name = nonEmptyString(value);
  if (name === undefined) {
    errors.push(required(at));
    return;
  }
  for (const problem of dnsLabelProblems(name)) errors.push(invalid(at, name, problem));
  if (taken.has(name)) errors.push(duplicate(at, name));
  taken.add(name);
}
