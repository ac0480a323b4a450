# PostgreSQL 15 with PostGIS and pgvector, as Debian builds them, and Tilescout's own extension.
ARG DEBIAN=debian:bookworm-20250520-slim

FROM ${DEBIAN} AS extensions
COPY scripts/setup /tilescout/scripts/
COPY scripts/lib/common.sh scripts/lib/pgvector.sh scripts/lib/packs.sh /tilescout/scripts/lib/
COPY extension /tilescout/extension
RUN /tilescout/scripts/setup server \
    && mkdir -p /extensions/lib /extensions/share \
    && cp /usr/lib/postgresql/15/lib/vector.so /usr/lib/postgresql/15/lib/tilescout_packs.so /extensions/lib/ \
    && cp /usr/share/postgresql/15/extension/vector* /usr/share/postgresql/15/extension/tilescout_packs* /extensions/share/

FROM ${DEBIAN}
# The server's user first, so that its number never changes and volumes stay readable.
RUN groupadd --system --gid 10002 postgres \
    && useradd --system --uid 10002 --gid postgres --home-dir /var/lib/postgresql --shell /bin/bash postgres \
    && install -d /etc/postgresql-common/createcluster.d \
    && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/image.conf \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        postgresql-15 postgresql-15-postgis-3 postgresql-15-postgis-3-scripts tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o postgres -g postgres -m 700 /var/lib/postgresql \
    && install -d -o postgres -g postgres -m 755 /run/postgresql
COPY --from=extensions /extensions/lib/ /usr/lib/postgresql/15/lib/
COPY --from=extensions /extensions/share/ /usr/share/postgresql/15/extension/
COPY --chmod=755 docker/postgres-entrypoint /usr/local/bin/

ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8
USER postgres
VOLUME /var/lib/postgresql
EXPOSE 5432
# PostgreSQL's fast shutdown: clients are sent away, and nothing is lost.
STOPSIGNAL SIGINT
# Over TCP: the server that the first start runs for itself listens to its socket only.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=5 \
    CMD ["pg_isready", "--quiet", "--host=127.0.0.1", "--dbname=tilescout", "--username=tilescout"]
ENTRYPOINT ["postgres-entrypoint"]
