{{- define "server.name" -}}
{{- .Values.server.fullnameOverride | default (printf "%s-prometheus-server" .Release.Name) | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "server.selector" -}}
{app.kubernetes.io/component: server, app.kubernetes.io/name: prometheus, app.kubernetes.io/instance: {{ .Release.Name }}}
{{- end }}
