# One image for controller, manager (sidecar) and command line. BUILDER needs npm; BASE needs libc and libstdc++, and nothing
# else: a slim or a distroless one will do. Node itself comes from the lock file, so that both stages run the same.
# A base with sh and sha256sum is needed only where the container of this image is itself reloaded by signal.
ARG BUILDER=node:24-bookworm-slim
ARG BASE=debian:12-slim

FROM ${BUILDER} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc LICENSE ./
RUN npm ci --no-audit
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.ts scripts/slim-client.ts scripts/
COPY src src
# Times are all the same, so that the same sources give the same layer.
RUN npm run build && \
    mkdir -p /out/app/dist /out/usr/local/bin && \
    cp -L node_modules/node/bin/node /out/usr/local/bin/node && \
    cp package.json LICENSE /out/app/ && \
    find dist -maxdepth 1 -type f -exec cp {} /out/app/dist/ ';' && \
    find /out -exec touch --no-dereference --date=@0 {} +

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
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=1", "/app/dist/leindex-reloader.js"]
CMD ["--help"]
