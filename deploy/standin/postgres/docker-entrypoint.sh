#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The official image's interface, as far as it is used here: POSTGRES_USER, POSTGRES_DB and POSTGRES_PASSWORD (each
# also as ..._FILE) create a cluster in an empty PGDATA, and /docker-entrypoint-initdb.d/*.sql is run in it once. Local
# connections are trusted, others need a password.
set -euo pipefail

say() { printf 'standin-postgres: %s\n' "$*" >&2; }

# Sets NAME from the file that NAME_FILE names, or to the default.
from_file() { # NAME default
    local file_name="$1_FILE"
    if [ -n "${!1:-}" ] && [ -n "${!file_name:-}" ]; then
        say "$1 and $file_name are both set: set one of them"
        exit 1
    fi
    if [ -n "${!file_name:-}" ]; then
        printf -v "$1" '%s' "$(<"${!file_name}")"
    else
        printf -v "$1" '%s' "${!1:-$2}"
    fi
}

if [ "${1:-}" = "" ] || [ "${1#-}" != "$1" ]; then set -- postgres "$@"; fi
if [ "$1" != postgres ]; then exec "$@"; fi

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /run/postgresql
    chmod 700 "$PGDATA"
    chown -R postgres:postgres "$PGDATA" /run/postgresql
    exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    from_file POSTGRES_PASSWORD ''
    from_file POSTGRES_USER postgres
    from_file POSTGRES_DB "$POSTGRES_USER"
    if [ -z "$POSTGRES_PASSWORD" ]; then
        say "set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE: it is needed to create the cluster in $PGDATA"
        exit 1
    fi
    initdb -D "$PGDATA" --username="$POSTGRES_USER" --auth-local=trust --auth-host=trust --pwfile=/dev/stdin \
        <<<"$POSTGRES_PASSWORD" >/dev/null
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
    # Listen only on the socket until the cluster is complete, so that it doesn't look ready before.
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -s -w start
    if [ "$POSTGRES_DB" != postgres ]; then
        psql -qX -U "$POSTGRES_USER" -d postgres -v name="$POSTGRES_DB" <<<'create database :"name"'
    fi
    for script in /docker-entrypoint-initdb.d/*.sql; do
        if [ -e "$script" ]; then psql -qX -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -f "$script"; fi
    done
    pg_ctl -D "$PGDATA" -m fast -s -w stop
fi
unset POSTGRES_PASSWORD
exec "$@"
