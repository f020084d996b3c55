# The operator's image: the bundled program on a Node image without a shell. `make docker-build` builds it.
# Base images are pinned by the digest of the multi-platform index, so that builds are reproducible. The tag is in a comment,
# because not every builder accepts tag and digest together. docs/release.md describes updates. To use another base image:
# BUILD_FLAGS='--build-arg BASE_IMAGE=…'.
# docker.io/library/node:24.21.0-bookworm-slim
ARG NODE_IMAGE=docker.io/library/node@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6
# gcr.io/distroless/nodejs24-debian12:nonroot
ARG BASE_IMAGE=gcr.io/distroless/nodejs24-debian12@sha256:14d42e2511532589a7c7e01a753667a74fcc96266e137e8125006b87b0c32d0a

FROM ${NODE_IMAGE} AS build
WORKDIR /src
# A separate layer, because the packages change less often than the sources.
COPY package.json package-lock.json ./
# No package may run install scripts (package.json's allowScripts says the same to newer versions of npm).
RUN npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
COPY . .
# The commit time in seconds since 1970. It is the modification time of all files of the program, for reproducible images.
ARG SOURCE_DATE_EPOCH=0
RUN node build.mjs \
  && mkdir -p /image/app \
  && cp dist/sequentialjob.mjs dist/THIRD-PARTY-NOTICES.txt LICENSE /image/app/ \
  && chmod 0755 /image/app /image/app/sequentialjob.mjs \
  && chmod 0644 /image/app/LICENSE /image/app/THIRD-PARTY-NOTICES.txt \
  && find /image -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +

# V8's code cache of the program, for a faster start. The build creates it with the Node and the user that will run the program;
# in the image it is read-only, because a start executes it. V8 and Node ignore it on another CPU type or for another user.
FROM ${BASE_IMAGE} AS compile
COPY --from=build /image/ /
ENV NODE_COMPILE_CACHE=/tmp/code
USER 65532:65532
# The fixed seed of V8's hash tables makes the cache reproducible. The running program has a random seed.
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
# A numeric user, so that the kubelet can verify runAsNonRoot.
USER 65532:65532
# 9443: the webhook; 8080: metrics (--metrics-port); 8081: probes (--health-port).
EXPOSE 9443 8080 8081
ENTRYPOINT ["/nodejs/bin/node", "/app/sequentialjob.mjs"]
CMD ["run"]
