# SPDX-License-Identifier: MIT
# One image with sluice-gateway, sluice-worker and sluice; the command selects the program. Stages:
#   build    compiler and headers; the programs are in /src/build/gcc
#   test     build, plus the servers and tools for the tests (make test-trixie); not shipped
#   runtime  the programs and the libraries that they load; docker-compose.yml uses it
ARG BASE=debian:trixie-slim
# The same as in the file VERSION; a test compares them.
ARG VERSION=0.1.0

FROM ${BASE} AS build
WORKDIR /src
COPY deploy/install-packages deploy/
RUN deploy/install-packages build && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY Makefile VERSION ./
COPY lib lib/
COPY gateway gateway/
COPY worker worker/
COPY ctl ctl/
COPY sql sql/
COPY docs/operations.md docs/
ARG VERSION
RUN make -j"$(nproc)" VERSION="${VERSION}"

FROM build AS test
RUN deploy/install-packages servers test && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY tests tests/
COPY deploy/compose.routes.yml deploy/
COPY etc etc/
COPY docs docs/
COPY deploy/prometheus deploy/prometheus/
COPY deploy/grafana deploy/grafana/
COPY deploy/secrets deploy/

FROM ${BASE} AS runtime
RUN apt-get -qq update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 install -y --no-install-recommends \
       librabbitmq4 libcivetweb1 libmicrohttpd12t64 libpq5 libcjson1 libcurl4t64 zlib1g </dev/null >/dev/null \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
    && echo 'sluice:x:10001:' >>/etc/group \
    && echo 'sluice:x:10001:10001:sluice:/nonexistent:/usr/sbin/nologin' >>/etc/passwd
# The gateway loads its two shim libraries from its own directory.
COPY --from=build --chmod=0755 /src/build/gcc/sluice-gateway /src/build/gcc/sluice-worker /src/build/gcc/sluice \
     /src/build/gcc/libssl.so /src/build/gcc/libcrypto.so /opt/sluice/
ENV PATH=/opt/sluice:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ARG VERSION
ARG REVISION=
LABEL org.opencontainers.image.title="Sluice" \
      org.opencontainers.image.description="Takes webhooks in at any rate and writes them to Postgres at the rate that Postgres can bear" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 10001:10001
WORKDIR /
CMD ["sluice", "--help"]
