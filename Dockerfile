# One image for controller, manager (sidecar) and command line, on BASE=slim or BASE=distroless: both run everything, the
# second has no shell. A shell is needed only where the container of this image is itself reloaded by signal.
# BUILDER needs npm; SLIM and DISTROLESS need libc and libstdc++ alone. Node itself comes from the lock file, so that all run the same.
ARG BASE=slim
ARG BUILDER=node:24-bookworm-slim
ARG SLIM=debian:12-slim
ARG DISTROLESS=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILDER} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc LICENSE ./
RUN npm ci --no-audit
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.ts scripts/slim-client.ts scripts/third-party-notices.ts scripts/
COPY LICENSES LICENSES
COPY src src
# Times are all the same, so that the same sources give the same layer.
RUN npm run build && \
    mkdir -p /out/app/dist /out/usr/local/bin && \
    cp -L node_modules/node/bin/node /out/usr/local/bin/node && \
    cp -r package.json LICENSE LICENSES /out/app/ && \
    find dist -maxdepth 1 -type f -exec cp {} /out/app/dist/ ';' && \
    find /out -exec touch --no-dereference --date=@0 {} +

FROM ${SLIM} AS slim
FROM ${DISTROLESS} AS distroless

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="leindex-reloader" \
      org.opencontainers.image.description="Brings a changed ConfigMap into running pods, proven, without a restart." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/ /
USER 65532:65532
WORKDIR /
ENV NODE_ENV=production
ENTRYPOINT ["/usr/local/bin/node", "--disable-sigusr1", "--max-semi-space-size=1", "--optimize-for-size", "/app/dist/leindex-reloader.js"]
CMD ["--help"]
