# A PostgreSQL 15 from Debian's package that takes what deploy/kubernetes/overlays/local gives the official image: POSTGRES_PASSWORD, POSTGRES_DB, PGDATA, user 999.
FROM docker.io/library/debian:bookworm-slim
RUN groupadd -r -g 999 postgres && useradd -r -u 999 -g 999 -d /var/lib/postgresql postgres \
 && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql-15 && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /var/lib/postgresql/data /var/run/postgresql && chown 999:999 /var/lib/postgresql/data /var/run/postgresql
COPY postgres-entrypoint /usr/local/bin/entrypoint
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin
USER 999:999
# Fast shutdown, as the official image.
STOPSIGNAL SIGINT
ENTRYPOINT ["/usr/local/bin/entrypoint"]
