/** Claims that are made for a Pod (pkg/apis/core/validation/validation.go ValidatePersistentVolumeClaimTemplate). */
import type {
  V1EphemeralVolumeSource,
  V1PersistentVolumeClaimSpec,
  V1PersistentVolumeClaimTemplate,
  V1Volume,
  V1VolumeResourceRequirements,
} from '@kubernetes/client-node';
import { choiceFaults } from './choices.ts';
import { invalid, required, type Faults, type Path } from './field.ts';
import { parseQuantity } from './quantity.ts';
import { labelSelectorFaults } from './selectors.ts';
import { entries, list, part, type Untrusted } from './untrusted.ts';

const MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

/** Checks a volume of this kind; an older server than 1.21 doesn't know it. */
export function claimTemplateFaults(volume: Untrusted<V1Volume>, at: Path, faults: Faults): void {
  const source = part<V1EphemeralVolumeSource>(volume.ephemeral);
  if (source === undefined) {
    return;
  }
  const here = at.child('ephemeral').child('volumeClaimTemplate');
  const template = part<V1PersistentVolumeClaimTemplate>(source.volumeClaimTemplate);
  if (template === undefined) {
    faults.push(required(here));
  } else {
    claimFaults(part<V1PersistentVolumeClaimSpec>(template.spec) ?? {}, here.child('spec'), faults);
  }
}

function claimFaults(spec: Untrusted<V1PersistentVolumeClaimSpec>, at: Path, faults: Faults): void {
  const modes = list(spec.accessModes);
  if (modes.length === 0) {
    faults.push(required(at.child('accessModes'), 'at least 1 access mode is required'));
  }
  for (const mode of modes) {
    choiceFaults(mode, MODES, at.child('accessModes'), faults);
  }
  labelSelectorFaults(spec.selector, at.child('selector'), faults);
  const requests = part<V1VolumeResourceRequirements>(spec.resources)?.requests;
  const size = entries(requests).find(([name]) => name === 'storage')?.[1];
  const here = at.child('resources').key('storage');
  if (typeof size !== 'string' && typeof size !== 'number') {
    faults.push(required(here));
    return;
  }
  const amount = parseQuantity(size);
  if ('nano' in amount && amount.nano <= 0n) {
    faults.push(invalid(here, String(size), 'must be greater than zero'));
  }
}
