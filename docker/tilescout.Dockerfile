# The tilescout program with its pretrained models.
ARG SWIFT=swift:6.3.1-bookworm
ARG DEBIAN=debian:bookworm-20250520-slim

FROM ${SWIFT} AS build
WORKDIR /tilescout
ENV TILESCOUT_DATA=/data
COPY scripts/setup scripts/convert-weights.py scripts/convert-weights.sh scripts/
COPY scripts/lib/common.sh scripts/lib/pgvector.sh scripts/lib/
RUN scripts/setup build
COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
COPY sql sql
RUN swift build -c release --product tilescout --static-swift-stdlib \
    && install -d /out \
    && cp -r .build/release/tilescout .build/release/tilescout_StoreSQL.resources /out/ \
    && strip /out/tilescout

FROM ${DEBIAN}
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        libgdal32 proj-data libopenblas0-pthread libdnnl2 libpq5 libcairo2 fonts-dejavu-core tzdata ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 tilescout \
    && useradd --system --uid 10001 --gid tilescout --home-dir /var/lib/tilescout --no-create-home tilescout \
    && install -d -o tilescout -g tilescout /var/lib/tilescout
# The program finds its SQL beside itself.
COPY --from=build /out/ /usr/lib/tilescout/
COPY --from=build /data/models/ /usr/share/tilescout/models/
COPY models/*.safetensors /usr/share/tilescout/models/
COPY --chmod=755 docker/tilescout-entrypoint docker/tilescout-nightly /usr/local/bin/

ENV PATH=/usr/lib/tilescout:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 \
    TILESCOUT_DATA=/var/lib/tilescout TILESCOUT_MODELS=/usr/share/tilescout/models
USER tilescout
WORKDIR /var/lib/tilescout
VOLUME /var/lib/tilescout
HEALTHCHECK --interval=30s --timeout=10s --retries=3 CMD ["tilescout-entrypoint", "db", "status"]
ENTRYPOINT ["tilescout-entrypoint"]
CMD ["help"]
