/** The volumes of a Pod that come from `spec.volumeClaimTemplates`, as in a StatefulSet. Pure. */
import type { V1PersistentVolumeClaim, V1Volume } from '@kubernetes/client-node';
import type { Frozen, SequentialJob } from '../api/types.ts';

export type ClaimTemplate = Frozen<V1PersistentVolumeClaim>;

/** Where the claim templates stand in the spec. */
export const CLAIM_TEMPLATES_FIELD = 'spec.volumeClaimTemplates';

export const claimTemplatesOf = ({ spec }: Pick<SequentialJob, 'spec'>): readonly ClaimTemplate[] =>
  spec.volumeClaimTemplates ?? [];

/** The name by which steps mount the claim. */
export const templateName = ({ metadata }: ClaimTemplate): string => metadata?.name ?? '';

/**
 * The name of the claim that is made from this template: `<template>-<sequence>`. Two sequences of a namespace can have
 * the same one (`a-b` + `c`, `a` + `b-c`): the owner reference tells them apart.
 */
export const claimName = ({ metadata }: Pick<SequentialJob, 'metadata'>, template: ClaimTemplate): string =>
  `${templateName(template)}-${metadata.name}`;

/** One volume for each claim template, under the template's name. */
export const claimVolumes = (object: SequentialJob): readonly Frozen<V1Volume>[] =>
  claimTemplatesOf(object).map((template) => ({
    name: templateName(template),
    persistentVolumeClaim: { claimName: claimName(object, template) },
  }));
