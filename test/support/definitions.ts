/** Forms of the CustomResourceDefinition for tests of its versions. */
import { CRD } from '../../config/generate/crd.ts';
import { type ConvertedDefinition, withConversionTarget } from '../../local/control-plane/webhook-configuration.ts';
import type { LocalOperator } from '../../local/operator.ts';

export type Definition = typeof CRD;

export const CRD_NAME = CRD.metadata.name;

/** As releases had it before there was another version. */
export function definitionBefore(): object {
  const {
    deprecated: _,
    deprecationWarning: __,
    ...v1alpha1
  } = CRD.spec.versions.find(({ name }) => name === 'v1alpha1') ?? {};
  const { conversion: ___, ...spec } = CRD.spec;
  return { ...CRD, spec: { ...spec, versions: [{ ...v1alpha1, storage: true }] } };
}

/** With this version stored. */
export function withStored(version: string): Definition {
  const versions = CRD.spec.versions.map((one) => Object.assign({}, one, { storage: one.name === version }));
  return { ...CRD, spec: { ...CRD.spec, versions } };
}

/** With a webhook of the test that converts. */
export const withWebhook = (definition: Definition, target: Pick<LocalOperator, 'url' | 'caPem'>): object =>
  withConversionTarget<ConvertedDefinition>(definition, target);
