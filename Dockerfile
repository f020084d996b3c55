# The operator as an image: the program as one file on a Node without a shell. Built by `make docker-build`.
# The bases are named by digest, so that no build changes under you: of all platforms, and without the tag beside it, which not
# every builder takes. docs/release.md says how they are brought up to date. Others: BUILD_FLAGS='--build-arg BASE_IMAGE=…'.
# docker.io/library/node:24.21.0-bookworm-slim
ARG NODE_IMAGE=docker.io/library/node@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6
# gcr.io/distroless/nodejs24-debian12:nonroot
ARG BASE_IMAGE=gcr.io/distroless/nodejs24-debian12@sha256:14d42e2511532589a7c7e01a753667a74fcc96266e137e8125006b87b0c32d0a

FROM ${NODE_IMAGE} AS build
WORKDIR /src
# Changes less often than the sources: a layer of its own.
COPY package.json package-lock.json ./
# No package may run a script of its own (package.json's allowScripts says the same to newer npm).
RUN npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
COPY . .
# Seconds since 1970, the time of the commit: every file of ours carries it, or two builds would differ in nothing else.
ARG SOURCE_DATE_EPOCH=0
RUN node build.mjs \
  && mkdir -p /image/app \
  && cp dist/sequentialjob.mjs dist/THIRD-PARTY-NOTICES.txt LICENSE /image/app/ \
  && chmod 0755 /image/app /image/app/sequentialjob.mjs \
  && chmod 0644 /image/app/LICENSE /image/app/THIRD-PARTY-NOTICES.txt \
  && find /image -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +

# V8's compiled code of the program, which is code that a start executes: made once, here, by the Node and the user that will
# read it, and in the image nobody may write it. Where a node's processor or user is another, it is left alone.
FROM ${BASE_IMAGE} AS compile
COPY --from=build /image/ /
ENV NODE_COMPILE_CACHE=/tmp/code
USER 65532:65532
# The seed: of V8's hash tables, which would give other bytes each time. It is not the running program's.
RUN ["/nodejs/bin/node", "--random-seed=1", "/app/sequentialjob.mjs", "version"]

FROM build AS image
ARG SOURCE_DATE_EPOCH=0
COPY --from=compile /tmp/code/ /image/app/code/
RUN chown -R 0:0 /image/app/code \
  && chmod -R u=rwX,go=rX /image/app/code \
  && find /image -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +

FROM ${BASE_IMAGE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sequentialjob" \
      org.opencontainers.image.description="Kubernetes operator that runs the containers of a SequentialJob one after another, each as a batch/v1 Job" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=image /image/ /
ENV NODE_ENV=production
ENV NODE_COMPILE_CACHE=/app/code
# By number, so that Kubernetes can see that it is not root (runAsNonRoot).
USER 65532:65532
# The webhook; with --metrics-port=8080 metrics and probes.
EXPOSE 9443 8080 8081
ENTRYPOINT ["/nodejs/bin/node", "/app/sequentialjob.mjs"]
CMD ["run"]
