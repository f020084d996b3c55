#!/usr/bin/env bash
# Has the Jobs of SequentialJobs, their claims and their recorded specs name their owner by one API version: `rewrite-owners.sh v1beta1`.
# Kubernetes' garbage collector asks for the owner in the version by which it is named, and may delete an object that names it by a
# version which is no longer served (seen on 1.20). So the version must be served, and another one may be switched off only afterwards.
# Needs kubectl with permission to update these objects. It may be interrupted and repeated.
set -euo pipefail

kubectl=${KUBECTL:-kubectl}
group=batch.example.com
version=$1
# As kubectl prints it. The quotes in other texts are escaped, so nothing but an owner reference matches.
named="\"apiVersion\": \"$group/"
objects() { $kubectl get jobs,controllerrevisions,persistentvolumeclaims --all-namespaces -l $group/sequentialjob-uid -o json; }

# An object that changes between the two requests is not replaced: the next round has its new state.
for round in 1 2 3 4 5 6 7 8 9 10; do
  found=$(objects)
  [ -n "$(grep -F "$named" <<<"$found" | grep -vF "$named$version\"")" ] || { echo "all Jobs name their owner by $version"; exit 0; }
  [ "$round" = 1 ] || sleep 1
  said=$(sed "s|$named[a-z0-9]*\"|$named$version\"|" <<<"$found" | $kubectl replace -f - 2>&1 >/dev/null) || true
done
echo "$0: some objects still name their owner by another version: $said" >&2
exit 1
