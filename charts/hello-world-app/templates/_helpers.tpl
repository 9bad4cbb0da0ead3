{{/* A preview has a namespace of its own, so the release's name is distinct enough. */}}
{{- define "hello-world-app.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "hello-world-app.labels" -}}
{{ include "hello-world-app.selector" . }}
app.kubernetes.io/version: {{ required "preview.commit is needed: 40 hexadecimal digits" .Values.preview.commit | quote }}
app.kubernetes.io/component: web
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}
