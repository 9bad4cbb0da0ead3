{{- define "preview.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/part-of: preview
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "preview.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- define "preview.image" -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* What both programs are told. */}}
{{- define "preview.environment" -}}
- { name: PREVIEW_ALLOWED_OWNERS, value: {{ join "," .Values.allowedOwners | quote }} }
- { name: PREVIEW_TASK_QUEUE, value: {{ .Values.taskQueue | quote }} }
- { name: LOG_FORMAT, value: {{ .Values.logFormat | quote }} }
{{- if .Values.authorities }}
# Beside those of the image.
- { name: SSL_CERT_DIR, value: "/etc/ssl/certs:/authorities" }
{{- end }}
- { name: TEMPORAL_ADDRESS, value: {{ .Values.temporal.address | quote }} }
- { name: TEMPORAL_NAMESPACE, value: {{ .Values.temporal.namespace | quote }} }
{{- if .Values.temporal.apiKey }}
- { name: TEMPORAL_API_KEY_FILE, value: /secrets/temporal-api-key }
{{- end }}
{{- if .Values.temporal.clientCertificate }}
- { name: TEMPORAL_TLS_CLIENT_CERT_PATH, value: /temporal/tls.crt }
- { name: TEMPORAL_TLS_CLIENT_KEY_PATH, value: /temporal/tls.key }
{{- if .Values.temporal.ownAuthority }}
- { name: TEMPORAL_TLS_SERVER_CA_CERT_PATH, value: /temporal/ca.crt }
{{- end }}
{{- end }}
{{- end }}

{{- define "preview.settings" -}}
{{- range $name, $value := . }}
- { name: {{ $name }}, value: {{ $value | toString | quote }} }
{{- end }}
{{- end }}

{{- define "preview.spread" -}}
topologySpreadConstraints:
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "preview.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}

{{- define "preview.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
