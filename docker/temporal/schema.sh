#!/bin/sh
# Makes Temporal's two databases, or brings them up to date. Run again, it changes nothing.
set -eu
for database in temporal temporal_visibility; do
    folder=postgresql/v12/${database#temporal_}
    sql() { temporal-sql-tool --plugin postgres12 --endpoint postgres --port 5432 --user temporal \
        --password "$POSTGRES_PASSWORD" --database "$database" "$@"; }
    sql create-database
    sql setup-schema --version 0.0
    sql update-schema --schema-name "$folder"
done
