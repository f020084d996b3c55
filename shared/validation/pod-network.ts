/** The Pod's names and name resolution (pkg/apis/core/validation/validation.go validatePodDNSConfig, ValidateHostAliases). */
import type { V1HostAlias, V1PodDNSConfig, V1PodDNSConfigOption, V1PodSpec } from '@kubernetes/client-node';
import { grammarFaults } from './choices.ts';
import { invalid, invalidWhole, required, type Faults, type Path } from './field.ts';
import { isIp } from './ip.ts';
import { dnsLabelProblems, dnsSubdomainProblems, searchPathProblems } from './names.ts';
import { list, part, parts, text, type Untrusted } from './untrusted.ts';

const MAX_NAMESERVERS = 3;
/** Servers before 1.26 take 6 paths of 256 characters. */
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARACTERS = 2048;

const NO_IP = 'must be valid IP address';

export function podNetworkFaults(spec: Untrusted<V1PodSpec>, at: Path, faults: Faults): void {
  grammarFaults(spec.hostname, dnsLabelProblems, at.child('hostname'), faults);
  grammarFaults(spec.subdomain, dnsLabelProblems, at.child('subdomain'), faults);
  parts<V1HostAlias>(spec.hostAliases).forEach((alias, i) => {
    aliasFaults(alias, at.child('hostAliases').index(i), faults);
  });
  dnsFaults(spec, at.child('dnsConfig'), faults);
}

function aliasFaults(alias: Untrusted<V1HostAlias>, at: Path, faults: Faults): void {
  const ip = text(alias.ip) ?? '';
  if (!isIp(ip)) {
    faults.push(invalid(at.child('ip'), ip, NO_IP));
  }
  list(alias.hostnames).forEach((value, i) => {
    const name = typeof value === 'string' ? value : '';
    const here = at.child('hostnames').index(i);
    faults.push(...dnsSubdomainProblems(name).map((problem) => invalid(here, name, problem)));
  });
}

function dnsFaults(spec: Untrusted<V1PodSpec>, at: Path, faults: Faults): void {
  const config = part<V1PodDNSConfig>(spec.dnsConfig);
  const servers = list(config?.nameservers);
  if (text(spec.dnsPolicy) === 'None' && servers.length === 0) {
    faults.push(
      config === undefined
        ? required(at, 'must provide `dnsConfig` when `dnsPolicy` is None')
        : required(at.child('nameservers'), 'must provide at least one DNS nameserver when `dnsPolicy` is None'),
    );
  }
  if (config === undefined) {
    return;
  }
  if (servers.length > MAX_NAMESERVERS) {
    const detail = `must not have more than ${MAX_NAMESERVERS} nameservers`;
    faults.push(invalidWhole(at.child('nameservers'), detail));
  }
  servers.forEach((value, i) => {
    const server = text(value) ?? '';
    if (!isIp(server)) {
      faults.push(invalid(at.child('nameservers').index(i), server, NO_IP));
    }
  });
  searchFaults(list(config.searches), at.child('searches'), faults);
  parts<V1PodDNSConfigOption>(config.options).forEach((option, i) => {
    if (text(option.name) === undefined) {
      faults.push(required(at.child('options').index(i), 'must not be empty'));
    }
  });
}

function searchFaults(searches: readonly unknown[], at: Path, faults: Faults): void {
  if (searches.length > MAX_SEARCHES) {
    faults.push(invalidWhole(at, `must not have more than ${MAX_SEARCHES} search paths`));
  }
  if (searches.join(' ').length > MAX_SEARCH_CHARACTERS) {
    const detail = `must not have more than ${MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list`;
    faults.push(invalidWhole(at, detail));
  }
  searches.forEach((value, i) => {
    const search = typeof value === 'string' ? value : '';
    faults.push(...searchPathProblems(search).map((problem) => invalid(at.index(i), search, problem)));
  });
}
