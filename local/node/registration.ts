/** The Node object and its heartbeat. */
import { availableParallelism, totalmem } from 'node:os';
import { toTimestamp } from '../../shared/api/time.ts';
import { POD_IP } from './downward.ts';
import type { NodeStatus } from './objects.ts';

/** The controller manager marks a node NotReady after 40 s without a heartbeat. */
export const HEARTBEAT_MS = 10_000;

export interface NodeDescription {
  readonly name: string;
  /** The port of the log server. */
  readonly port: number;
  readonly readySince: number;
}

/** The node's labels, for node selectors. */
export function nodeLabels(name: string): Readonly<Record<string, string>> {
  return {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': process.arch === 'x64' ? 'amd64' : process.arch,
    'sequentialjob.local/virtual': 'true',
  };
}

/** The current status; writing it is the heartbeat. The capacity is the machine's, but the node does not enforce it. */
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
      condition('MemoryPressure', 'False', 'NotWatched', 'the local node does not monitor memory'),
      condition('DiskPressure', 'False', 'NotWatched', 'the local node does not monitor disks'),
      condition('PIDPressure', 'False', 'NotWatched', 'the local node does not monitor processes'),
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
