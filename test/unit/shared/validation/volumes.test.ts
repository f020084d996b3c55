/** Volumes by source; that the verdicts are an API server's is proven in test/integration/core-schema.test.ts. */
import { expect, test } from '@jest/globals';
import { ofPod, type Row } from './refusals.ts';

const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const MODE = 'must be a number between 0 and 0777 (octal), both inclusive';

const FILES: readonly Row[] = [
  [
    'files made from keys are legal',
    { configMap: { name: 'a', defaultMode: 0o644, items: [{ key: 'a', path: 'b/..c', mode: 0o400 }] } },
    [],
  ],
  [
    'modes are permissions, keys and paths are there',
    { secret: { secretName: 'a', defaultMode: 0o1000, items: [{ key: '', path: '', mode: -1 }] } },
    [
      `secret.defaultMode: Invalid value: 512: ${MODE}`,
      'secret.items[0].key: Required value',
      'secret.items[0].path: Required value',
      `secret.items[0].mode: Invalid value: -1: ${MODE}`,
    ],
  ],
  [
    'paths stay in the volume',
    { configMap: { name: 'a', items: ['/a', 'a/../b', '..data'].map((path) => ({ key: 'k', path })) } },
    [
      'configMap.items[0].path: Invalid value: "/a": must be a relative path',
      'configMap.items[1].path: Invalid value: "a/../b": must not contain \'..\'',
      'configMap.items[2].path: Invalid value: "..data": must not start with \'..\'',
    ],
  ],
  [
    'the downward API takes one field or resource, of a container',
    {
      downwardAPI: {
        items: [
          { path: 'a' },
          { path: 'b', fieldRef: { fieldPath: 'status.podIP' } },
          { path: 'c', resourceFieldRef: { resource: 'limits.cpu', divisor: '1Mi' } },
          { path: 'd', fieldRef: { fieldPath: 'metadata.name' }, resourceFieldRef: { resource: 'limits.cpu' } },
        ],
      },
    },
    [
      'downwardAPI.items[0]: Required value: one of fieldRef and resourceFieldRef is required',
      'downwardAPI.items[1].fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"',
      'downwardAPI.items[2].resourceFieldRef.containerName: Required value',
      'downwardAPI.items[2].resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor\'s values 1m and 1 are supported with the cpu resource',
      'downwardAPI.items[3]: Invalid value: "resource": fieldRef and resourceFieldRef can not be specified simultaneously',
    ],
  ],
  [
    'projected sources are of one kind, each file once',
    {
      projected: {
        sources: [
          { secret: { name: 'a', items: [{ key: 'k', path: 'x' }] }, configMap: {} },
          { configMap: { name: 'b', items: [{ key: 'k', path: 'x' }] } },
          { serviceAccountToken: { path: 'token', expirationSeconds: 599 } },
          { serviceAccountToken: { path: '', expirationSeconds: 2 ** 32 + 1 } },
        ],
      },
    },
    [
      'projected.sources[0].configMap: Forbidden: may not specify more than 1 volume type',
      'projected.sources[0].configMap.name: Required value',
      'projected: Invalid value: "x": conflicting duplicate paths',
      'projected.sources[2].serviceAccountToken.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
      'projected.sources[3].serviceAccountToken.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
      'projected.sources[3].serviceAccountToken.path: Required value',
    ],
  ],
];

const DRIVERS: readonly Row[] = [
  [
    'an emptyDir has a size that is not negative',
    { emptyDir: { sizeLimit: '-1' } },
    ['emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity'],
  ],
  [
    'a host path is of a known type',
    { hostPath: { path: '/a', type: 'Pipe' } },
    [
      'hostPath.type: Unsupported value: "Pipe": supported values: "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
    ],
  ],
  [
    'an NFS path is absolute',
    { nfs: { server: 'a', path: 'b' } },
    ['nfs.path: Invalid value: "b": must be an absolute path'],
  ],
  [
    'a driver has a legal name, its secret one at all',
    { csi: { driver: 'a b', nodePublishSecretRef: {} } },
    [`csi.driver: Invalid value: "a b": ${SUBDOMAIN}`, 'csi.nodePublishSecretRef.name: Required value'],
  ],
  ['a partition of 0 is none', { gcePersistentDisk: { pdName: 'a', partition: 0 } }, []],
  [
    'a partition is from 1 to 255',
    { awsElasticBlockStore: { volumeID: 'a', partition: 256 } },
    ['awsElasticBlockStore.partition: Invalid value: 256: must be between 1 and 255, inclusive'],
  ],
  [
    "a managed disk of Azure's is a resource",
    { azureDisk: { diskName: 'a', diskURI: 'https://a', kind: 'Managed' } },
    [
      'azureDisk.diskURI: Unsupported value: "https://a": supported values: "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"',
    ],
  ],
  [
    'a fibre channel is named in one way, with a unit',
    { fc: { targetWWNs: ['a'], wwids: ['b'] } },
    [
      'fc.targetWWNs: Invalid value: targetWWNs and wwids can not be specified simultaneously',
      'fc.lun: Required value: lun is required if targetWWNs is specified',
    ],
  ],
  [
    'a network block device has a legal name and unit, and its secret',
    { iscsi: { targetPortal: 'a', iqn: 'b', initiatorName: 'iqn.x', lun: 256, chapAuthSession: true } },
    [
      'iscsi.iqn: Invalid value: "b": must be valid format starting with iqn, eui, or naa',
      'iscsi.initiatorName: Invalid value: "iqn.x": must be valid format',
      'iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive',
      'iscsi.secretRef: Required value',
    ],
  ],
  [
    "options are not Kubernetes' own",
    { flexVolume: { driver: 'a', options: { 'a.k8s.io/b': 'c' } } },
    ['flexVolume.options[a.k8s.io/b]: Invalid value: "a.k8s.io/b": kubernetes.io and k8s.io namespaces are reserved'],
  ],
  [
    "a volume of Flocker's is named in one way",
    { flocker: { datasetName: 'a/b', datasetUUID: 'c' } },
    [
      'flocker: Invalid value: "resource": datasetName and datasetUUID can not be specified simultaneously',
      'flocker.datasetName: Invalid value: "a/b": must not contain \'/\'',
    ],
  ],
  [
    'a registry has ports',
    { quobyte: { registry: 'a:1,b', volume: 'c' } },
    ['quobyte.registry: Invalid value: "a:1,b": must be a host:port pair or multiple pairs separated by commas'],
  ],
  [
    'a claim of its own has a mode and a size',
    {
      ephemeral: {
        volumeClaimTemplate: { spec: { accessModes: ['Some'], resources: { requests: { storage: '0' } } } },
      },
    },
    [
      'ephemeral.volumeClaimTemplate.spec.accessModes: Unsupported value: "Some": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
      'ephemeral.volumeClaimTemplate.spec.resources[storage]: Invalid value: "0": must be greater than zero',
    ],
  ],
  ['and a template', { ephemeral: {} }, ['ephemeral.volumeClaimTemplate: Required value']],
  ['what nobody knows is left to the server', { constructor: {} }, []],
];

test.each([...FILES, ...DRIVERS])('%s', (_sentence, source, lines) => {
  const said = ofPod({ volumes: [{ name: 'data', ...source }] });
  expect(said.map((line) => line.replaceAll('volumes[0].', ''))).toEqual(lines);
});
