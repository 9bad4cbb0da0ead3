#!/bin/sh
# Postgres as its official image starts it, as far as docker-compose.yml uses that.
set -eu
mkdir -p "$PGDATA" /run/postgresql
chown -R postgres "$PGDATA" /run/postgresql
as_postgres() { setpriv --reuid postgres --regid postgres --clear-groups -- "$@"; }
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    echo "$POSTGRES_PASSWORD" >/run/postgresql/password
    as_postgres initdb --username "$POSTGRES_USER" --pwfile /run/postgresql/password --auth-host scram-sha-256 --encoding UTF8
    rm /run/postgresql/password
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
exec setpriv --reuid postgres --regid postgres --clear-groups -- postgres -c 'listen_addresses=*'
