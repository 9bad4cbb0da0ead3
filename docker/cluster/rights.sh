#!/bin/sh
# Writes what the worker needs of the cluster into /worker: a kubeconfig with the rights of the service account that
# charts/preview-cluster makes, and no others; and the key of the previews' names, which stays the same.
set -eu
umask 022
administrator="kubectl --kubeconfig /administrator/kubeconfig.yaml --server https://cluster:6443"
$administrator --namespace preview-system create token preview-worker --duration 8760h >/worker/token
cluster=$($administrator config view --raw --minify --output 'jsonpath={.clusters[0].cluster.certificate-authority-data}')
cat >/worker/kubeconfig.yaml <<END
apiVersion: v1
kind: Config
current-context: cluster
contexts: [{ name: cluster, context: { cluster: cluster, user: preview-worker } }]
clusters: [{ name: cluster, cluster: { server: "https://cluster:6443", certificate-authority-data: $cluster } }]
users: [{ name: preview-worker, user: { tokenFile: /worker/token } }]
END
[ -s /worker/name-key ] || cat /proc/sys/kernel/random/uuid /proc/sys/kernel/random/uuid >/worker/name-key
