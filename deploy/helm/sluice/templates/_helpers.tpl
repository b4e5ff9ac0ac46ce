{{/* SPDX-License-Identifier: MIT */}}
{{- define "sluice.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- (ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name)) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Called with (list $ "gateway"). */}}
{{- define "sluice.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "sluice.labels" -}}
{{- $root := index . 0 -}}
{{ include "sluice.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: sluice
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Called with (list $ tag). */}}
{{- define "sluice.image" -}}
{{- $root := index . 0 -}}
image: {{ printf "%s:%s" $root.Values.image.repository (index . 1 | default $root.Values.image.tag | default $root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
{{- end -}}

{{- define "sluice.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{/* What the specs of all pods share. Called with (list $ "gateway"). */}}
{{- define "sluice.pod" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.serviceAccountName }}
serviceAccountName: {{ . }}
{{- end }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- toYaml $root.Values.podSecurityContext | nindent 2 }}
{{- with $root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "sluice.spread" -}}
{{- $root := index . 0 -}}
{{- $selector := include "sluice.selector" . -}}
{{- with $root.Values.topologySpread }}
topologySpreadConstraints:
{{- range . }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- $selector | nindent 8 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* One source of the volume of passwords. Called with (list $ "brokerGateway" "broker-gateway"). */}}
{{- define "sluice.password" -}}
{{- $secret := index (index . 0).Values.secrets (index . 1) -}}
- secret:
    name: {{ required (printf "secrets.%s.name: the Secret with the password" (index . 1)) $secret.name }}
    items: [{key: {{ $secret.key }}, path: {{ index . 2 }}}]
{{- end -}}

{{/* Called with (list values.tls "broker"). */}}
{{- define "sluice.ca" -}}
{{- $tls := index . 0 -}}
- secret:
    name: {{ required (printf "%s.tls.ca.secret: the Secret with the CA's certificate" (index . 1)) $tls.ca.secret }}
    items: [{key: {{ $tls.ca.key }}, path: {{ index . 1 }}-ca.crt}]
{{- end -}}

{{/* host:port,host:port. Called with (list hosts port "broker.hosts"). */}}
{{- define "sluice.hosts" -}}
{{- $port := index . 1 -}}
{{- $places := list -}}
{{- range index . 0 }}{{ $places = append $places (printf "%s:%d" . (int $port)) }}{{ end -}}
{{- required (printf "%s: where the server is" (index . 2)) (join "," $places) -}}
{{- end -}}

{{/* The settings for the broker. Called with (list $ user password-file). */}}
{{- define "sluice.broker" -}}
{{- $broker := (index . 0).Values.broker -}}
- {name: BROKER_URL, value: "amqp{{ if $broker.tls.enabled }}s{{ end }}://{{ index . 1 }}@{{ include "sluice.hosts" (list $broker.hosts $broker.port "broker.hosts") }}/{{ $broker.vhost }}"}
- {name: BROKER_PASSWORD_FILE, value: /run/secrets/sluice/{{ index . 2 }}}
{{- if $broker.tls.enabled }}
- {name: BROKER_CA, value: /run/secrets/sluice/broker-ca.crt}
{{- end }}
{{- end -}}

{{/* Called with (list $ role). */}}
{{- define "sluice.databaseUrl" -}}
{{- $database := (index . 0).Values.database -}}
postgresql://{{ index . 1 }}@{{ include "sluice.hosts" (list $database.hosts $database.port "database.hosts") }}/{{ $database.name }}
{{- if $database.tls.enabled }}?sslmode=verify-full&sslrootcert=/run/secrets/sluice/database-ca.crt{{ end }}
{{- end -}}

{{- define "sluice.settings" -}}
{{- range $name, $value := . }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end -}}

{{- define "sluice.probes" -}}
startupProbe: {httpGet: {path: /health, port: admin}, periodSeconds: 2, failureThreshold: 30}
livenessProbe: {httpGet: {path: /health, port: admin}, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3}
{{- end -}}

{{/* The egress rules to the resolver and to the broker. */}}
{{- define "sluice.egress" -}}
- ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
  {{- with .Values.networkPolicy.dns }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
- ports: [{port: {{ .Values.broker.port }}, protocol: TCP}]
  {{- with .Values.networkPolicy.broker }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "sluice.egressDatabase" -}}
- ports: [{port: {{ .Values.database.port }}, protocol: TCP}]
  {{- with .Values.networkPolicy.database }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "sluice.hasRoutes" -}}
{{- if or .Values.routes.config .Values.routes.existingConfigMap }}yes{{ end -}}
{{- end -}}
