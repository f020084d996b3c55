/** The Node object: what it says, and the heartbeat that keeps it Ready. */
import { availableParallelism, totalmem } from 'node:os';
import { toTimestamp } from '../../shared/api/time.ts';
import { POD_IP } from './downward.ts';
import type { NodeStatus } from './objects.ts';

/** The controller manager takes a node for lost after 40 s of silence. */
export const HEARTBEAT_MS = 10_000;

export interface NodeDescription {
  readonly name: string;
  /** Where `kubectl logs` is served. */
  readonly port: number;
  readonly readySince: number;
}

/** Labels that people select nodes by. */
export function nodeLabels(name: string): Readonly<Record<string, string>> {
  return {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': process.arch === 'x64' ? 'amd64' : process.arch,
    'sequentialjob.local/virtual': 'true',
  };
}

/** The status as of now; it counts as a heartbeat. Capacity is the machine's, though nothing is held to it. */
export function nodeStatus(node: NodeDescription, now: number): NodeStatus {
  const capacity = { cpu: String(availableParallelism()), memory: `${Math.floor(totalmem() / 1024)}Ki`, pods: '1000' };
  const condition = (
    type: string,
    status: string,
    reason: string,
    message: string,
  ): NonNullable<NodeStatus['conditions']>[number] => ({
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: toTimestamp(now),
    lastTransitionTime: toTimestamp(node.readySince),
  });
  return {
    capacity,
    allocatable: capacity,
    addresses: [
      { type: 'InternalIP', address: POD_IP },
      { type: 'Hostname', address: node.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: node.port } },
    conditions: [
      condition('Ready', 'True', 'KubeletReady', 'the local node runs commands as processes of this machine'),
      condition('MemoryPressure', 'False', 'NotWatched', 'the local node does not watch memory'),
      condition('DiskPressure', 'False', 'NotWatched', 'the local node does not watch disks'),
      condition('PIDPressure', 'False', 'NotWatched', 'the local node does not watch processes'),
    ],
    nodeInfo: {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      operatingSystem: 'linux',
      osImage: 'this machine',
      kubeletVersion: 'local-node',
      kubeProxyVersion: '',
      containerRuntimeVersion: 'process://',
      kernelVersion: '',
      bootID: '',
      machineID: '',
      systemUUID: '',
    },
  };
}
