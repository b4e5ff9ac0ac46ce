{{/* SPDX-License-Identifier: MIT */}}
{{/* A name that stands for the addresses of all pods, ready or not: GATEWAY_ADMINS and WORKER_ADMINS. Called with (list $ "gateway" 8081). */}}
{{- define "sluice.adminService" }}
{{- $root := index . 0 }}
{{- $component := index . 1 }}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "sluice.fullname" $root }}-{{ $component }}-admin
  labels: {{- include "sluice.labels" (list $root $component) | nindent 4 }}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  ports: [{name: admin, port: {{ index . 2 }}, targetPort: admin}]
  selector: {{- include "sluice.selector" (list $root $component) | nindent 4 }}
{{- end }}

{{/* Called with (list $ "gateway" values). A pod that isn't ready holds up no node that is drained. */}}
{{- define "sluice.pdb" }}
{{- $root := index . 0 }}
{{- $component := index . 1 }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "sluice.fullname" $root }}-{{ $component }}
  labels: {{- include "sluice.labels" (list $root $component) | nindent 4 }}
spec:
  maxUnavailable: {{ (index . 2).maxUnavailable }}
  {{- if semverCompare ">=1.27.0-0" $root.Capabilities.KubeVersion.Version }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  {{- end }}
  selector:
    matchLabels: {{- include "sluice.selector" (list $root $component) | nindent 6 }}
{{- end }}
