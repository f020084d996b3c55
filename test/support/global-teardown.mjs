// jest: once after the integration tests.
import { stopLocalCluster } from './local-cluster.ts';

export default stopLocalCluster;
