{{- /* The specification of a pod: with its name, script, restart policy, account and the values. */ -}}
{{- define "pod" -}}
restartPolicy: {{ .restartPolicy | default "Always" }}
automountServiceAccountToken: false
terminationGracePeriodSeconds: 1
{{- with .serviceAccountName }}
serviceAccountName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  seccompProfile: { type: RuntimeDefault }
containers:
  - name: {{ .name }}
    image: {{ .values.image | quote }}
    command: [python3, -c, {{ .script | quote }}]
    {{- with .values.env }}
    env:
      {{- range $variable, $value := . }}
      - { name: {{ $variable }}, value: {{ $value | quote }} }
      {{- end }}
    {{- end }}
    resources:
      requests: { cpu: 20m, memory: 32Mi }
      limits: { cpu: "1", memory: 128Mi }
    securityContext:
      allowPrivilegeEscalation: false
      capabilities: { drop: [ALL] }
{{- end -}}
