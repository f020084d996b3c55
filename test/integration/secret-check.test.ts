/** Secrets are read only where that is switched on, by a role and a flag. */
import { describe, expect, it } from '@jest/globals';
import type { ApiClient } from '../../shared/kube/client.ts';
import { collectionPath, CONFIG_MAPS, JOBS, SECRETS } from '../../shared/kube/resources.ts';
import { condition } from '../support/cluster.ts';
import { intercept } from '../support/intercept.ts';
import { readManifests, type Rule } from '../support/manifests.ts';
import type { Namespace } from '../support/namespace.ts';
import { connectAs } from '../support/permissions.ts';
import { recordingLog } from '../support/recording-log.ts';
import { step, withConfigMap, withSecret } from '../support/sequences.ts';
import { withInProcessController } from '../support/with-in-process-controller.ts';

const DEFAULT_ROLES = ['config/rbac/controller-role.yaml', 'config/dependency-check/role.yaml'];

/** A controller with exactly these roles; the paths of its requests, and its log. */
function withRoles(prefix: string, roles: readonly string[], checkSecrets: boolean) {
  const paths: string[] = [];
  const { log, lines } = recordingLog();
  const rules = roles.flatMap((file) => readManifests(file)).flatMap((role) => role['rules'] as readonly Rule[]);
  const open = async (namespace: Namespace): Promise<ApiClient> => {
    const client = await connectAs(`user-of-${prefix}`, namespace, rules, collectionPath(JOBS, namespace.name));
    return intercept(client, (request, send) => {
      paths.push(request.path);
      return send();
    });
  };
  const { namespace } = withInProcessController(prefix, { open, log, checkSecrets });
  const readsOf = (resource: string): readonly string[] => paths.filter((path) => path.includes(`/${resource}`));
  const refusals = (): readonly unknown[] => lines.filter(({ msg }) => msg.startsWith('no permission'));
  const createSecret = () =>
    namespace.createObject(SECRETS, { metadata: { name: 'login' }, stringData: { token: 'x' } });
  return { namespace, readsOf, refusals, createSecret };
}

describe('by default', () => {
  const { namespace, readsOf, refusals, createSecret } = withRoles('no-secrets', DEFAULT_ROLES, false);

  it('no Secret is read, so no request is forbidden; ConfigMaps are still read', async () => {
    const steps = [withSecret(step('s0'), 'login'), withConfigMap(step('s1'), 'settings')];
    await namespace.apply('default', { steps });
    await namespace.untilCondition('default', 'ResourcesUnavailable', 'CreateContainerConfigError');
    await createSecret();
    await namespace.untilCondition('default', 'ResourcesUnavailable', 'ConfigMapNotFound');
    await namespace.createObject(CONFIG_MAPS, { metadata: { name: 'settings' }, data: { token: 'x' } });
    await namespace.untilCompleted('default');
    expect(readsOf('secrets')).toEqual([]);
    expect(readsOf('configmaps/')).not.toEqual([]);
    expect(refusals()).toEqual([]);
  });
});

describe('with --check-secrets and the role secret-check', () => {
  const roles = [...DEFAULT_ROLES, 'config/secret-check/role.yaml'];
  const { namespace, readsOf, refusals, createSecret } = withRoles('secrets', roles, true);

  it('a step waits without a Job until its Secret exists', async () => {
    await namespace.apply('checked', { steps: [withSecret(step('s0'), 'login')] });
    const object = await namespace.untilCondition('checked', 'ResourcesUnavailable', 'SecretNotFound');
    expect(condition(object, 'ResourcesUnavailable')?.message).toBe('Secret "login" not found');
    expect(await namespace.jobNames('checked')).toEqual([]);
    await createSecret();
    await namespace.untilCompleted('checked');
    expect(readsOf('secrets')).not.toEqual([]);
    expect(refusals()).toEqual([]);
  });
});
