#!/usr/bin/env bash
# Rewrites all SequentialJobs in the version that the CRD stores, and then records in the CRD's status that no other version is
# stored. Until then the API server converts such an object for each request, and refuses a CRD without its version. If that is v1beta1, their Jobs
# then name their owner by it, too (rewrite-owners.sh), so that the other one can be switched off. Needs kubectl with permission to patch SequentialJobs, to update their Jobs, claims and ControllerRevisions, and to update the status of the CRD.
#
# Nothing else of the objects changes. It may be interrupted and repeated, and objects may change meanwhile. The API servers must
# have seen the CRD's change: with several of them, wait a minute.
set -euo pipefail

kubectl=${KUBECTL:-kubectl}
group=batch.example.com
crd=sequentialjobs.$group
stored=$($kubectl get crd "$crd" -o 'jsonpath={.spec.versions[?(@.storage==true)].name}')
resource=sequentialjobs.$stored.$group

rewrite() {
  local namespace=$1 name=$2 said
  # An empty patch is written if the stored bytes differ, as they do in another version.
  said=$($kubectl patch "$resource" --namespace="$namespace" "$name" --type=merge --patch='{}' 2>&1) && return
  # It may have been deleted meanwhile.
  [ -z "$($kubectl get "$resource" --namespace="$namespace" "$name" --ignore-not-found -o name)" ] || { echo "$said" >&2; return 1; }
}

objects=$($kubectl get "$resource" --all-namespaces \
  -o 'jsonpath={range .items[*]}{.metadata.namespace}{" "}{.metadata.name}{"\n"}{end}')
count=0
while read -r namespace name; do
  [ -n "$name" ] || continue
  rewrite "$namespace" "$name" || { echo "$0: could not rewrite $namespace/$name; $count are rewritten" >&2; exit 1; }
  count=$((count + 1))
done <<<"$objects"

# kubectl patches a status only from 1.24 on. The answer of the API server is JSON without spaces, and quotes within texts are
# escaped, so the pattern matches the field of the status only.
status=/apis/apiextensions.k8s.io/v1/customresourcedefinitions/$crd
$kubectl get --raw "$status" | sed "s|\"storedVersions\":\[[^]]*]|\"storedVersions\":[\"$stored\"]|" |
  $kubectl replace --raw "$status/status" -f - >/dev/null
# Not on the way back: the operator goes on naming owners by v1beta1 until it is stopped (make prepare-rollback).
[ "$stored" != v1beta1 ] || KUBECTL=$kubectl "$(dirname "$0")/rewrite-owners.sh" "$stored" >/dev/null
echo "$count SequentialJobs are stored as $stored, and none in another version"
