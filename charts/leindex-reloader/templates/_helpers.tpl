{{- define "leindex-reloader.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "leindex-reloader.fullname" -}}
{{- $name := include "leindex-reloader.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "leindex-reloader.selector" -}}
app.kubernetes.io/name: {{ include "leindex-reloader.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end -}}

{{- define "leindex-reloader.labels" -}}
{{ include "leindex-reloader.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "leindex-reloader.account" -}}
{{- .Values.serviceAccount.name | default (include "leindex-reloader.fullname" .) -}}
{{- end -}}

{{- define "leindex-reloader.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- /* What Pod Security calls restricted, for a container. */ -}}
{{- define "leindex-reloader.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "leindex-reloader.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- /* The rules of the features that are on, as files/permissions.yaml has them from the code. */ -}}
{{- define "leindex-reloader.rules" -}}
{{- $permissions := .Files.Get "files/permissions.yaml" | fromYaml -}}
{{- $features := list "core" -}}
{{- if has "signal" .Values.strategies }}{{ $features = append $features "signal" }}{{ end -}}
{{- if .Values.features.tokenSecret }}{{ $features = append $features "token-secret" }}{{ end -}}
{{- if .Values.features.restart }}{{ $features = append $features "restart" }}{{ end -}}
{{- if .Values.features.publish }}{{ $features = append $features "publish" }}{{ end -}}
{{- range $feature := $features }}
{{ index $permissions $feature | toYaml }}
{{- end -}}
{{- end -}}

{{- define "leindex-reloader.admission" -}}
{{ include "leindex-reloader.fullname" . }}-admission
{{- end -}}

{{- /* Whether replicas make their certificates; empty: no. */ -}}
{{- define "leindex-reloader.makesCertificates" -}}
{{- if and .Values.admission.enabled (eq .Values.admission.certificates "self") }}true{{ end -}}
{{- end -}}

{{- /* Whether cert-manager does; empty: no. */ -}}
{{- define "leindex-reloader.getsCertificates" -}}
{{- if and .Values.admission.enabled (eq .Values.admission.certificates "cert-manager") }}true{{ end -}}
{{- end -}}

{{- /* Namespace of the reload that `helm test` does: one that is watched. */ -}}
{{- define "leindex-reloader.testNamespace" -}}
{{- if .Values.watch.namespaces }}{{ first .Values.watch.namespaces }}{{ else }}{{ .Release.Namespace }}{{ end -}}
{{- end -}}
