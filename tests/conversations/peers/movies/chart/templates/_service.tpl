{{- /* A service behind its name, and behind paths of the one host if it has some: with its name, port, paths and the context. */ -}}
{{- define "movies.service" -}}
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .name }} }
spec:
  selector: { matchLabels: { app: {{ .name }} } }
  template:
    metadata: { labels: { app: {{ .name }} } }
    spec:
      containers:
        - name: {{ .name }}
          image: {{ .context.Values.image | quote }}
          ports: [{ containerPort: {{ .port }} }]
---
apiVersion: v1
kind: Service
metadata: { name: {{ .name }} }
spec: { selector: { app: {{ .name }} }, ports: [{ port: {{ .port }} }] }
{{- if .paths }}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: {{ .name }} }
spec:
  ingressClassName: {{ .context.Values.global.ingressClass }}
  rules:
    - host: {{ .context.Values.global.host }}
      http:
        paths:
          {{- range .paths }}
          - path: {{ . }}
            pathType: Prefix
            backend: { service: { name: {{ $.name }}, port: { number: {{ $.port }} } } }
          {{- end }}
{{- end }}
{{- end -}}
