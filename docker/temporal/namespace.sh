#!/bin/sh
# Waits for the server, and makes the namespace that previews are in unless it is there.
set -eu
until temporal operator namespace list >/dev/null; do
    echo "Waiting for Temporal at $TEMPORAL_ADDRESS."
    sleep 1
done
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 72h
