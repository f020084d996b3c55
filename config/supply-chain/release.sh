#!/usr/bin/env bash
# A release, from the checks to the signatures: `make release IMG=… CHART=oci://…`. docs/release.md says what it needs, and how
# somebody else checks what came of it. It ends at the first thing that is not as it should be; nothing is pushed before all
# checks have passed, and everything that is signed is named by its digest.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${IMG:?the image, without a digest}" "${CHART:?the folder for the chart, oci://…}" "${VERSION:?}"
helm=${HELM:-helm}
platforms=${PLATFORMS:-linux/amd64,linux/arm64}

fail() { printf 'release: %s\n' "$*" >&2; exit 1; }
step() { printf '\n=== %s\n' "$*"; }

for tool in docker cosign "$helm" git; do
  command -v "$tool" >/dev/null || fail "$tool is not here"
done
docker buildx version >/dev/null || fail 'docker has no buildx'
case $IMG in *@*) fail "IMG names a digest: $IMG" ;; *:"$VERSION") ;; *) fail "IMG has not the tag $VERSION: $IMG" ;; esac
case $CHART in oci://?*) ;; *) fail "CHART is no registry: $CHART" ;; esac
[ -z "$(git status --porcelain)" ] || fail 'there are changes that are in no commit'
[ "$(git tag --points-at HEAD --list "v$VERSION")" = "v$VERSION" ] || fail "this commit has not the tag v$VERSION"

: "${CLI_URL:?the folder in which the archives of the command line will be published, https://…}"
case $CLI_URL in https://?*[!/]) ;; *) fail "CLI_URL is no https folder without a slash at the end: $CLI_URL" ;; esac

# Each of them fails also where it could not ask. node-origin checks both Nodes: sbom-cli has fetched the other processor's.
step 'checks'
make verify test audit sbom sbom-cli CLI_URL="$CLI_URL"
make node-origin

step 'image'
epoch=$(git log -1 --format=%ct)
mkdir -p dist
# Provenance (SLSA) and the SBOM of the image, Node.js and Debian's packages included, go into the index: one digest for all.
SOURCE_DATE_EPOCH=$epoch docker buildx build --platform "$platforms" --provenance mode=max --sbom true \
  --build-arg SOURCE_DATE_EPOCH="$epoch" --build-arg VERSION="$VERSION" --build-arg REVISION="$(git rev-parse HEAD)" \
  --metadata-file dist/image.json --tag "$IMG" --push .
digest=$(sed -n 's/.*"containerimage\.digest": *"\(sha256:[0-9a-f]\{64\}\)".*/\1/p' dist/image.json)
[ -n "$digest" ] || fail 'dist/image.json has no digest'
image=${IMG%:"$VERSION"}@$digest
# Of the index and of each platform's image, so that both can be asked for.
cosign sign --yes --recursive "$image"
# What is in the program, bound to it by its SHA-256: a scanner does not see into a bundle.
cosign attest --yes --type cyclonedx --predicate dist/sbom.cdx.json "$image"

step 'chart'
rm -rf dist/chart
cp -r charts/sequentialjob dist/chart
# The chart of a release names its image by digest.
sed -i.bak -e "s|^  repository: .*|  repository: ${IMG%:"$VERSION"}|" -e "s|^  digest: .*|  digest: $digest|" dist/chart/values.yaml
rm dist/chart/values.yaml.bak
"$helm" lint --strict dist/chart
"$helm" package --destination dist dist/chart
pushed=$("$helm" push "dist/sequentialjob-$VERSION.tgz" "$CHART" 2>&1)
printf '%s\n' "$pushed"
chart_digest=$(printf '%s\n' "$pushed" | sed -n 's/^Digest: *\(sha256:[0-9a-f]\{64\}\)$/\1/p')
[ -n "$chart_digest" ] || fail 'helm push said no digest'
cosign sign --yes "${CHART#oci://}/sequentialjob@$chart_digest"

step 'installer'
make build-installer IMG="$image"
cosign sign-blob --yes --bundle dist/install.yaml.sigstore.json dist/install.yaml

step 'schema for editors'
cp config/schema/sequentialjob.schema.json dist/
cosign sign-blob --yes --bundle dist/sequentialjob.schema.json.sigstore.json dist/sequentialjob.schema.json

step 'command line'
# SHA256SUMS is signed for those who check several files at once, each archive for those who have only one.
cli=()
for file in sequentialjob-linux-{x64,arm64}{.tar.gz,.cdx.json} SHA256SUMS sequentialjob.krew.yaml; do
  cosign sign-blob --yes --bundle "dist/cli/$file.sigstore.json" "dist/cli/$file"
  cli+=(", dist/cli/$file")
done

step 'released'
printf 'image: %s\nchart: %s/sequentialjob@%s\nfiles, each with FILE.sigstore.json: dist/install.yaml, dist/sequentialjob.schema.json%s\n' \
  "$image" "$CHART" "$chart_digest" "${cli[*]}"
printf 'the archives belong into %s\n' "$CLI_URL"
