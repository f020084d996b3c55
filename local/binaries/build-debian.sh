#!/usr/bin/env bash
# Builds kube-apiserver, kube-controller-manager and kubectl from Debian's own `kubernetes` source package and puts them,
# with Debian's etcd, into a folder of the cache: build-debian.sh CACHE CODENAME GOARCH. Needs root, and a lock held by the
# caller. Progress goes to standard error; the only line on standard output is the folder's path.
# Written for bookworm (Kubernetes 1.20, Go 1.19). Outside the cache it changes only the installed packages.
set -euo pipefail
cache=$1 codename=$2 arch=$3
say() { printf '%s\n' "$*" >&2; }

# The caller may have waited for the lock while another process built the binaries.
done_already() {
  local dir
  for dir in "$cache"/v*-linux-"$arch"; do
    [ -x "$dir/kubectl" ] && [ -x "$dir/etcd" ] && [ -x "$dir/kube-apiserver" ] && [ -x "$dir/kube-controller-manager" ] &&
      echo "$dir" && return
  done
  return 1
}
if done_already; then exit 0; fi

rm -rf "$cache"/.build-*          # left by killed builds: this process holds the lock, so no other build runs
work=$(mktemp -d "$cache/.build-XXXXXX")
trap 'chmod -R u+w "$work" 2>/dev/null || true; rm -rf "$work"' EXIT

# Separate package lists: the machine's own stay unchanged and need no deb-src entries.
mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
[ -n "$mirror" ] || mirror=$(sed -nE 's#^deb (\[[^]]*\] )?(https?://[^ ]+) .*#\2#p' /etc/apt/sources.list 2>/dev/null | head -n 1)
[ -n "$mirror" ] || mirror=http://deb.debian.org/debian
keys='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/source" "$work/out"
printf '%s\n' "deb $keys $mirror $codename main" "deb-src $keys $mirror $codename main" > "$work/sources.list"
export DEBIAN_FRONTEND=noninteractive
apt() {
  apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/lists" \
    -o Dir::Cache="$work" -o Dir::Cache::Archives="$work/archives" -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 "$@" >&2
}
say '  fetching package lists'
apt update
say '  installing golang-go, etcd-server and a Go library'
apt install -y --no-install-recommends golang-go golang-github-modern-go-reflect2-dev etcd-server
say '  fetching the kubernetes source'
(cd "$work/source" && apt source --download-only kubernetes)
dsc=$(basename "$work"/source/kubernetes_*.dsc .dsc)
version=${dsc#kubernetes_}        # for example 1.20.5+really1.20.2-1.1
version=${version##*really}; version=${version%%-*}; version=${version%%+*}

export GOPATH=$work/go GO111MODULE=off CGO_ENABLED=0 GOFLAGS='' GOCACHE=$work/go-cache GOTMPDIR=$work
tree=$GOPATH/src/k8s.io/kubernetes
mkdir -p "$tree"
tar -xf "$work"/source/kubernetes_*.orig.tar.* -C "$tree" --strip-components=1
cd "$tree"
# The release's reflect2 uses runtime internals that Go 1.18 removed; Debian's newer reflect2 does not.
rm -f vendor/github.com/modern-go/reflect2/*.go
cp /usr/share/gocode/src/github.com/modern-go/reflect2/* vendor/github.com/modern-go/reflect2/

say '  generating the OpenAPI definitions'
go build -o "$work/openapi-gen" k8s.io/kubernetes/vendor/k8s.io/kube-openapi/cmd/openapi-gen
packages=$(grep -rl --include='*.go' '+k8s:openapi-gen=' pkg staging/src/k8s.io | grep -vE '/(testdata|code-generator|sample-apiserver)/' |
  xargs -n 1 dirname | sed -e 's#^staging/src/#vendor/#' -e 's#^#k8s.io/kubernetes/#' | sort -u | paste -sd ,)
"$work/openapi-gen" --input-dirs "$packages" --output-package k8s.io/kubernetes/pkg/generated/openapi \
  --output-file-base zz_generated.openapi --go-header-file hack/boilerplate/boilerplate.generatego.txt --report-filename /dev/null >&2

stamp='-s -w'
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  stamp+=" -X k8s.io/kubernetes/vendor/$package.gitVersion=v$version"
  stamp+=" -X k8s.io/kubernetes/vendor/$package.gitMajor=${version%%.*}"
  minor=${version#*.}; stamp+=" -X k8s.io/kubernetes/vendor/$package.gitMinor=${minor%%.*}"
done
say '  compiling kube-apiserver, kube-controller-manager and kubectl'
go build -ldflags "$stamp" -o "$work/out/" ./cmd/kube-apiserver ./cmd/kube-controller-manager ./cmd/kubectl >&2
cp -L "$(command -v etcd)" "$work/out/etcd"

target=$cache/v$version-linux-$arch
rm -rf "$target"
mv -T "$work/out" "$target"       # atomic: other processes never see a partly filled folder
echo "$target"
