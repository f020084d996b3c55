#!/usr/bin/env bash
# Adapts manifests to an older Kubernetes: removes fields and objects that its API server or kubectl would reject.
# The manifests are written for the newest Kubernetes. Reads stdin, writes stdout:
#
#   kubectl kustomize config/default | config/for-server.sh 1.20 | kubectl apply -f -
#
# Without a version the manifests are not changed.
#
#   before 1.30   no ValidatingAdmissionPolicies: users may create SequentialJobs without permission to create Jobs
#   before 1.28   no matchConditions: the API server calls the webhook for every update
#   before 1.25   no CEL rules in the CRD
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
  # Prints a document at its end, unless its kind is dropped.
  function put() { if (!dropped) printf "%s", text; text = ""; dropped = 0 }
  # The lines of a removed field are indented more deeply, or are items of its list.
  leaving && (depth() > at || (depth() == at && $1 == "-")) { next }
  { leaving = 0 }
  (minor < 28 && $1 == "matchConditions:") || (minor < 25 && $1 == "x-kubernetes-validations:") { leaving = 1; at = depth(); next }
  minor < 21 && $0 == "apiVersion: policy/v1" { $0 = $0 "beta1" }
  /^---/ { put() }
  minor < 30 && /^kind: ValidatingAdmissionPolicy/ { dropped = 1 }
  { text = text $0 "\n" }
  END { put() }'
