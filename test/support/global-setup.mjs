// jest: once before the integration tests.
import { startLocalCluster } from './local-cluster.ts';

export default startLocalCluster;
