{{/* Names are fixed: there is one installation in a cluster, and names of cluster-wide things would clash otherwise. */}}

{{- define "handrail.labels" -}}
app.kubernetes.io/name: handrail-{{ .component }}
app.kubernetes.io/part-of: handrail
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service | quote }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "handrail.selector" -}}
app.kubernetes.io/name: handrail-{{ .component }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- end }}

{{- define "handrail.image" -}}
{{- with .root.Values.images.registry }}{{ . | trimSuffix "/" }}/{{ end -}}
{{ .name }}:{{ .root.Values.images.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "handrail.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "handrail.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "handrail.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end }}

{{- define "handrail.pullSecrets" -}}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Instances on different nodes and zones, where there are any. */}}
{{- define "handrail.spread" -}}
topologySpreadConstraints:
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "handrail.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}

{{- define "handrail.natsUrl" -}}
{{- if .Values.nats.bundled -}}
nats://handrail-nats.{{ .Release.Namespace }}.svc:4222
{{- else -}}
{{ required "nats.url is needed where nats.bundled is false" .Values.nats.url }}
{{- end }}
{{- end }}

{{- define "handrail.natsPort" -}}
{{- if .Values.nats.bundled }}4222{{ else }}{{ .Values.nats.url | splitList ":" | last | int }}{{ end }}
{{- end }}

{{- define "handrail.postgresSecret" -}}
{{- if .Values.postgres.bundled -}}
handrail-postgres
{{- else -}}
{{ required "postgres.existingSecret.name is needed where postgres.bundled is false" .Values.postgres.existingSecret.name }}
{{- end }}
{{- end }}

{{- define "handrail.redisSecret" -}}
{{- if .Values.redis.bundled -}}
handrail-valkey
{{- else -}}
{{ required "redis.existingSecret.name is needed where redis.bundled is false" .Values.redis.existingSecret.name }}
{{- end }}
{{- end }}

{{/* The peers of a server: its pods in this namespace where it is bundled, else what the values say. */}}
{{- define "handrail.peers" -}}
{{- if .bundled }}
- namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ .root.Release.Namespace | quote }}}}
  podSelector: {matchLabels: {app.kubernetes.io/name: handrail-{{ .component }}}}
{{- else }}
{{- toYaml .peers }}
{{- end }}
{{- end }}

{{- define "handrail.dns" -}}
- to:
    - namespaceSelector: {matchLabels: {{ toJson .Values.networkPolicies.dns.namespaceLabels }}}
      podSelector: {matchLabels: {{ toJson .Values.networkPolicies.dns.podLabels }}}
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end }}

{{/* What holds for all tenants: the operator's file. */}}
{{- define "handrail.installation" -}}
{{- $network := dict
  "dns" (dict "port" 53 "peers" (list (dict
    "namespaceSelector" (dict "matchLabels" .Values.networkPolicies.dns.namespaceLabels)
    "podSelector" (dict "matchLabels" .Values.networkPolicies.dns.podLabels))))
  "nats" (dict "port" (include "handrail.natsPort" . | int) "peers" (include "handrail.peers" (dict "root" . "component" "nats" "bundled" .Values.nats.bundled "peers" .Values.nats.peers) | fromYamlArray))
  "postgres" (dict "port" (int .Values.postgres.port) "peers" (include "handrail.peers" (dict "root" . "component" "postgres" "bundled" .Values.postgres.bundled "peers" .Values.postgres.peers) | fromYamlArray))
  "redis" (dict "port" (int .Values.redis.port) "peers" (include "handrail.peers" (dict "root" . "component" "valkey" "bundled" .Values.redis.bundled "peers" .Values.redis.peers) | fromYamlArray))
  "outboundPorts" .Values.tenants.outbound.ports
  "outboundAllowed" .Values.tenants.outbound.allowed
  "outboundInside" .Values.tenants.outbound.inside
-}}
{{- if .Values.mail.existingSecret.name }}
{{- $_ := set $network "smtp" (dict "port" (int .Values.mail.port) "peers" .Values.mail.peers) }}
{{- end }}
{{- if .Values.networkPolicies.monitoringNamespaces }}
{{- $_ := set $network "monitoring" (dict "namespaceSelector" (dict "matchLabels" .Values.networkPolicies.monitoringNamespaces)) }}
{{- end }}
{{- $runtime := dict
  "image" (include "handrail.image" (dict "root" . "name" .Values.images.runtime))
  "pullPolicy" .Values.images.pullPolicy
  "pullSecrets" .Values.images.pullSecrets
  "nodeSelector" .Values.tenants.nodeSelector
  "tolerations" .Values.tenants.tolerations
  "priorityClass" .Values.tenants.priorityClassName
  "logFormat" .Values.logFormat
  "mailFrom" .Values.mail.from
-}}
{{- $all := dict
  "runtime" $runtime
  "network" $network
  "tenantAccess" (dict "serviceAccount" "handrail-operator" "clusterRole" "handrail-tenant-access")
-}}
{{- if .Values.plans }}{{ $_ := set $all "plans" .Values.plans }}{{ end }}
{{- toYaml $all }}
{{- end }}
