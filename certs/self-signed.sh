#!/usr/bin/env bash
# Issues the webhook's certificate for clusters without cert-manager: writes it into the Secret, and its CA into the caBundle
# of both webhook configurations and of the CRD's conversion. Needs openssl, and kubectl with permission to write these objects.
#
#   certs/self-signed.sh            issues a certificate if there is none, or if it expires within 30 days; sets the caBundle
#   certs/self-signed.sh --renew    always issues a new certificate
#
# The certificate is not renewed automatically: run the script again before it expires (DAYS, default a year). The CA's key is
# deleted. After a renewal the caBundle contains the previous CA as well, until the next renewal: Pods serve their old
# certificate for up to two minutes, until the kubelet has updated the mounted Secret.
set -euo pipefail
umask 077

kubectl=${KUBECTL:-kubectl}
namespace=${NAMESPACE:-sequentialjob-system}
service=${SERVICE:-sequentialjob-webhook}
secret=${SECRET:-sequentialjob-webhook-tls}
configurations=${CONFIGURATION:-sequentialjob-webhook}
crd=${CRD:-sequentialjobs.batch.example.com}
days=${DAYS:-365}

RENEW_BEFORE=$((30 * 24 * 3600)) # seconds
AUTHORITY_ENDS=$((days + 1))     # days; the CA signs only this certificate

case ${1:-} in
  '' | --renew) ;;
  *) echo "usage: $0 [--renew]" >&2; exit 2 ;;
esac
command -v openssl >/dev/null || { echo "$0: openssl is needed" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Writes the value of a key of the Secret into the file of that name; an empty file if there is none.
fetch() {
  $kubectl --namespace="$namespace" get secret "$secret" --ignore-not-found -o "go-template={{index .data \"$1\"}}" |
    { grep -v '<no value>' || true; } | openssl base64 -d -A >"$work/$1"
}

issue() {
  # A separate configuration file, so that the machine's openssl.cnf has no effect.
  cat >"$work/openssl.cnf" <<CONFIG
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[serving]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:$service.$namespace.svc, DNS:$service.$namespace.svc.cluster.local
CONFIG
  openssl ecparam -name prime256v1 -genkey -noout -out "$work/ca.key"
  openssl req -x509 -new -sha256 -key "$work/ca.key" -days "$AUTHORITY_ENDS" -out "$work/new-ca.crt" \
    -config "$work/openssl.cnf" -extensions authority -subj "/CN=$service-ca-$(date -u +%Y%m%d%H%M%S)"
  openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$work/tls.key"
  openssl req -new -sha256 -key "$work/tls.key" -out "$work/tls.csr" \
    -config "$work/openssl.cnf" -subj "/CN=$service.$namespace.svc"
  openssl x509 -req -sha256 -in "$work/tls.csr" -CA "$work/new-ca.crt" -CAkey "$work/ca.key" \
    -set_serial "0x$(openssl rand -hex 16)" -days "$days" -out "$work/tls.crt" \
    -extfile "$work/openssl.cnf" -extensions serving 2>/dev/null
  rm "$work/ca.key"
}

# Sets the caBundle of both webhook configurations, and that of the conversion if the CRD has one.
trust() {
  local bundle kind
  bundle=$(openssl base64 -A -in "$1")
  if [ "$($kubectl get crd "$crd" --ignore-not-found -o 'jsonpath={.spec.conversion.strategy}')" = Webhook ]; then
    $kubectl patch crd "$crd" --type=json \
      --patch="[{\"op\": \"add\", \"path\": \"/spec/conversion/webhook/clientConfig/caBundle\", \"value\": \"$bundle\"}]"
  fi
  for kind in mutatingwebhookconfiguration validatingwebhookconfiguration; do
    $kubectl patch "$kind" "$configurations" --type=json \
      --patch="[{\"op\": \"add\", \"path\": \"/webhooks/0/clientConfig/caBundle\", \"value\": \"$bundle\"}]"
  done
}

fetch ca.crt
fetch tls.crt
if [ "${1:-}" != --renew ] && [ -s "$work/ca.crt" ] &&
  openssl x509 -in "$work/tls.crt" -noout -checkend "$RENEW_BEFORE" >/dev/null 2>&1; then
  echo "the certificate in secret/$secret is valid until $(openssl x509 -in "$work/tls.crt" -noout -enddate | cut -d= -f2)"
  trust "$work/ca.crt"
  exit
fi

issue
# The new CA, followed by the newest of the previous ones.
{ cat "$work/new-ca.crt"; [ ! -s "$work/ca.crt" ] || openssl x509 -in "$work/ca.crt"; } >"$work/bundle.crt"
# Set the caBundle before the Pods serve the new certificate.
trust "$work/bundle.crt"
$kubectl --namespace="$namespace" create secret generic "$secret" --type=kubernetes.io/tls --dry-run=client -o yaml \
  --from-file=tls.crt="$work/tls.crt" --from-file=tls.key="$work/tls.key" --from-file=ca.crt="$work/bundle.crt" |
  $kubectl apply -f -
