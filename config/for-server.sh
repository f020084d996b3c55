#!/usr/bin/env bash
# Makes manifests fit an older Kubernetes: takes out what it does not know, which it or its kubectl would refuse.
# The manifests are for the newest one. From stdin to stdout:
#
#   kubectl kustomize config/default | config/for-server.sh 1.20 | kubectl apply -f -
#
# Without a version they stay as they are.
#
#   before 1.30   no ValidatingAdmissionPolicies: nobody asks whether whoever creates a SequentialJob may create Jobs
#   before 1.28   no matchConditions: the webhook is asked about every update
#   before 1.25   no rules in CEL in the definition
#   before 1.21   PodDisruptionBudgets are policy/v1beta1
set -euo pipefail

version=${1:-}
[ -n "$version" ] || exec cat
if [[ ! $version =~ ^v?1\.([0-9]+) ]]; then
  echo "usage: $0 [1.MINOR], not $version" >&2
  exit 2
fi

awk -v minor="${BASH_REMATCH[1]}" '
  function depth() { match($0, /^ */); return RLENGTH }
  # Documents are kept back to their ends: whether one stays is told by its kind.
  function put() { if (!dropped) printf "%s", text; text = ""; dropped = 0 }
  # What belongs to a field is deeper, or an item of its list.
  leaving && (depth() > at || (depth() == at && $1 == "-")) { next }
  { leaving = 0 }
  (minor < 28 && $1 == "matchConditions:") || (minor < 25 && $1 == "x-kubernetes-validations:") { leaving = 1; at = depth(); next }
  minor < 21 && $0 == "apiVersion: policy/v1" { $0 = $0 "beta1" }
  /^---/ { put() }
  minor < 30 && /^kind: ValidatingAdmissionPolicy/ { dropped = 1 }
  { text = text $0 "\n" }
  END { put() }'
