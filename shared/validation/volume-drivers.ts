/**
 * Volumes by what provides them (pkg/apis/core/validation/validation.go validateVolumeSource), those of long gone
 * drivers included: a server still checks them. Sources of files are in volume-files.ts, of claims in volume-claims.ts.
 */
import type { V1Volume } from '@kubernetes/client-node';
import { choiceFaults, rangeFaults, requireText } from './choices.ts';
import { forbidden, invalid, invalidWhole, notSupported, required, type Faults, type Path } from './field.ts';
import { descendingFaults, goesUp } from './local-paths.ts';
import { dnsSubdomainProblems } from './names.ts';
import { parseQuantity } from './quantity.ts';
import { entries, integer, list, part, text } from './untrusted.ts';

type Source = Readonly<Record<string, unknown>>;
type Check = (source: Source, at: Path, faults: Faults) => void;

const PARTITION = { min: 1, max: 255 } as const;
const UNIT = { min: 0, max: 255 } as const;

/** Texts that a source can't be without. */
const REQUIRED: Readonly<Partial<Record<keyof V1Volume, readonly string[]>>> = {
  awsElasticBlockStore: ['volumeID'],
  azureDisk: ['diskName', 'diskURI'],
  azureFile: ['secretName', 'shareName'],
  cinder: ['volumeID'],
  csi: ['driver'],
  flexVolume: ['driver'],
  gcePersistentDisk: ['pdName'],
  gitRepo: ['repository'],
  glusterfs: ['endpoints', 'path'],
  hostPath: ['path'],
  iscsi: ['targetPortal', 'iqn'],
  nfs: ['server', 'path'],
  persistentVolumeClaim: ['claimName'],
  photonPersistentDisk: ['pdID'],
  portworxVolume: ['volumeID'],
  quobyte: ['registry', 'volume'],
  rbd: ['image'],
  scaleIO: ['gateway', 'system', 'volumeName'],
  storageos: ['volumeName'],
  vsphereVolume: ['volumePath'],
};

const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];
const MANAGED_DISK = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const BLOB = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

const INITIATOR =
  /^(?:iqn\.\d{4}-\d{2}\.[a-z0-9][-.a-z0-9]*(?::[^,;*&$|\s]+)?|eui\.[0-9a-fA-F]{16}|naa\.[0-9a-fA-F]{32})$/;
const HOST_PORT = /^[^:\s]+:\d+$/;
const RESERVED_OPTION = /^(?:.*\.)?(?:kubernetes|k8s)\.io\//;

const partition: Check = (source, at, faults) => {
  // 0 is none.
  if (integer(source['partition']) !== 0) {
    rangeFaults(source['partition'], PARTITION, at.child('partition'), faults);
  }
};

const monitors: Check = (source, at, faults) => {
  if (list(source['monitors']).length === 0) {
    faults.push(required(at.child('monitors')));
  }
};

const secretName =
  (field: string): Check =>
  (source, at, faults) => {
    const secret = part<{ name: unknown }>(source[field]);
    if (secret !== undefined) {
      requireText(secret.name, at.child(field).child('name'), faults);
    }
  };

/** What else is asked of a source. */
const CHECKS: Readonly<Partial<Record<keyof V1Volume, Check>>> = {
  awsElasticBlockStore: partition,
  gcePersistentDisk: partition,
  cephfs: monitors,
  rbd: monitors,
  cinder: secretName('secretRef'),
  emptyDir(source, at, faults) {
    const size = source['sizeLimit'];
    const amount = typeof size === 'string' || typeof size === 'number' ? parseQuantity(size) : undefined;
    if (amount !== undefined && 'nano' in amount && amount.nano < 0n) {
      faults.push(forbidden(at.child('sizeLimit'), 'SizeLimit field must be a valid resource quantity'));
    }
  },
  hostPath(source, at, faults) {
    const path = text(source['path']);
    if (path !== undefined && goesUp(path)) {
      faults.push(invalid(at.child('path'), path, "must not contain '..'"));
    }
    choiceFaults(source['type'], HOST_PATH_TYPES, at.child('type'), faults);
  },
  nfs(source, at, faults) {
    const path = text(source['path']);
    if (path !== undefined && !path.startsWith('/')) {
      faults.push(invalid(at.child('path'), path, 'must be an absolute path'));
    }
  },
  gitRepo(source, at, faults) {
    descendingFaults(text(source['directory']) ?? '', at.child('directory'), faults);
  },
  csi(source, at, faults) {
    const driver = text(source['driver']);
    if (driver !== undefined) {
      // A driver's name may be in upper case.
      const problems = dnsSubdomainProblems(driver.toLowerCase());
      faults.push(...problems.map((problem) => invalid(at.child('driver'), driver, problem)));
    }
    secretName('nodePublishSecretRef')(source, at, faults);
  },
  azureDisk(source, at, faults) {
    choiceFaults(source['cachingMode'], ['None', 'ReadOnly', 'ReadWrite'], at.child('cachingMode'), faults);
    choiceFaults(source['kind'], ['Dedicated', 'Managed', 'Shared'], at.child('kind'), faults);
    const uri = text(source['diskURI']);
    const isManaged = text(source['kind']) === 'Managed';
    if (uri !== undefined && !uri.startsWith(isManaged ? '/subscriptions/' : 'https://')) {
      faults.push(notSupported(at.child('diskURI'), uri, [isManaged ? MANAGED_DISK : BLOB]));
    }
  },
  fc(source, at, faults) {
    const [targets, wwids] = [list(source['targetWWNs']).length, list(source['wwids']).length];
    if ((targets === 0) === (wwids === 0)) {
      const detail =
        targets === 0
          ? 'must specify either targetWWNs or wwids, but not both'
          : 'targetWWNs and wwids can not be specified simultaneously';
      faults.push(
        targets === 0 ? required(at.child('targetWWNs'), detail) : invalidWhole(at.child('targetWWNs'), detail),
      );
    }
    if (targets > 0 && integer(source['lun']) === undefined) {
      faults.push(required(at.child('lun'), 'lun is required if targetWWNs is specified'));
    } else if (targets > 0) {
      rangeFaults(source['lun'], UNIT, at.child('lun'), faults);
    }
  },
  iscsi(source, at, faults) {
    for (const field of ['iqn', 'initiatorName']) {
      const name = text(source[field]);
      if (name !== undefined && !INITIATOR.test(name)) {
        const detail = /^(?:iqn|eui|naa)/.test(name)
          ? 'must be valid format'
          : 'must be valid format starting with iqn, eui, or naa';
        faults.push(invalid(at.child(field), name, detail));
      }
    }
    rangeFaults(source['lun'], UNIT, at.child('lun'), faults);
    const hasChap = source['chapAuthDiscovery'] === true || source['chapAuthSession'] === true;
    if (hasChap && part(source['secretRef']) === undefined) {
      faults.push(required(at.child('secretRef')));
    }
  },
  flexVolume(source, at, faults) {
    for (const [key] of entries(source['options'])) {
      if (RESERVED_OPTION.test(key)) {
        const detail = 'kubernetes.io and k8s.io namespaces are reserved';
        faults.push(invalid(at.child('options').key(key), key, detail));
      }
    }
  },
  flocker(source, at, faults) {
    const [name, uuid] = [text(source['datasetName']), text(source['datasetUUID'])];
    if (name === undefined && uuid === undefined) {
      faults.push(required(at, 'one of datasetName and datasetUUID is required'));
    } else if (name !== undefined && uuid !== undefined) {
      faults.push(invalid(at, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
    }
    if (name?.includes('/') === true) {
      faults.push(invalid(at.child('datasetName'), name, "must not contain '/'"));
    }
  },
  quobyte(source, at, faults) {
    const registry = text(source['registry']);
    if (registry !== undefined && !registry.split(',').every((pair) => HOST_PORT.test(pair))) {
      const detail = 'must be a host:port pair or multiple pairs separated by commas';
      faults.push(invalid(at.child('registry'), registry, detail));
    }
  },
};

/** Checks what provides a volume. Sources that this version doesn't know are left to the server. */
export function driverFaults(volume: Source, at: Path, faults: Faults): void {
  for (const [name, value] of entries(volume)) {
    const source = part<Record<string, unknown>>(value);
    if (source !== undefined) {
      const here = at.child(name);
      for (const field of read(REQUIRED, name) ?? []) {
        requireText(source[field], here.child(field), faults);
      }
      read(CHECKS, name)?.(source, here, faults);
    }
  }
}

/** By its own properties: a client may call a source `constructor`. */
const read = <T>(table: Readonly<Partial<Record<string, T>>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;
