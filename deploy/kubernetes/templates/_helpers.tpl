{{- define "stackwire.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "stackwire.labels" -}}
app.kubernetes.io/name: stackwire
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{/* Of one component: (dict "root" $ "component" "image-api"). */}}
{{- define "stackwire.selector" -}}
app.kubernetes.io/name: stackwire
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "stackwire.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "stackwire.secret" -}}
{{ .Values.secrets.existingSecret | default (printf "%s-secrets" (include "stackwire.name" .)) }}
{{- end -}}

{{- define "stackwire.databaseHost" -}}
{{- if eq .Values.postgresql.mode "bundled" -}}
{{ include "stackwire.name" . }}-postgresql
{{- else -}}
{{ required "postgresql.host: where is the external PostgreSQL?" .Values.postgresql.host }}
{{- end -}}
{{- end -}}

{{- define "stackwire.databaseCa" -}}
{{- if eq .Values.postgresql.mode "bundled" -}}
{{ include "stackwire.name" . }}-tls
{{- else -}}
{{ .Values.postgresql.caSecret }}
{{- end -}}
{{- end -}}

{{/* (dict "root" $ "role" "image") */}}
{{- define "stackwire.databaseUrl" -}}
{{- $p := .root.Values.postgresql -}}
postgresql://{{ .role }}@{{ include "stackwire.databaseHost" .root }}:{{ $p.port }}/{{ $p.database }}?sslmode={{ $p.sslmode }}
{{- if include "stackwire.databaseCa" .root -}}&sslrootcert=/etc/stackwire/postgresql/ca.crt{{- end -}}
{{- end -}}

{{- define "stackwire.busHost" -}}
{{- if eq .Values.rabbitmq.mode "external" -}}
{{ required "rabbitmq.host: where is the external RabbitMQ?" .Values.rabbitmq.host }}
{{- else -}}
{{ include "stackwire.name" . }}-rabbitmq
{{- end -}}
{{- end -}}

{{- define "stackwire.busCa" -}}
{{- if eq .Values.rabbitmq.mode "bundled" -}}
{{ include "stackwire.name" . }}-tls
{{- else if eq .Values.rabbitmq.mode "operator" -}}
{{ .Values.rabbitmq.caSecret | default (required "rabbitmq.tlsSecret: the certificate of the cluster" .Values.rabbitmq.tlsSecret) }}
{{- else -}}
{{ .Values.rabbitmq.caSecret }}
{{- end -}}
{{- end -}}

{{/* Who has a login at the broker, when each service has one. */}}
{{- define "stackwire.busUsers" -}}
{{- keys (.Files.Get "files/permissions.json" | fromJson) | sortAlpha | join " " -}}
{{- end -}}

{{/* The password of a service's login: (dict "root" $ "service" "image"). */}}
{{- define "stackwire.busPassword" -}}
{{- ternary (printf "%s_amqp_password" .service) "amqp_password" (eq .root.Values.rabbitmq.logins "service") -}}
{{- end -}}

{{/* (dict "root" $ "service" "image") */}}
{{- define "stackwire.busUrl" -}}
{{- $service := .service -}}
{{- with .root -}}
{{- $r := .Values.rabbitmq -}}
{{- $user := ternary $service $r.user (eq $r.logins "service") -}}
{{- $vhost := ternary "" ($r.vhost | urlquery) (eq $r.vhost "/") -}}
{{ ternary "amqps" "amqp" $r.tls }}://{{ $user }}@{{ include "stackwire.busHost" . }}:{{ $r.port }}/{{ $vhost }}?{{ $r.options }}
{{- if and $r.tls (include "stackwire.busCa" .) -}}&cafile=/etc/stackwire/rabbitmq/ca.crt{{- end -}}
{{- end -}}
{{- end -}}

{{/* The URL of a service for clients: (dict "root" $ "service" "image" "port" 9292). */}}
{{- define "stackwire.publicUrl" -}}
{{- $v := .root.Values -}}
{{- if $v.publicHost -}}
{{ $v.publicScheme }}://{{ .service }}.{{ $v.publicHost }}
{{- else -}}
http://{{ include "stackwire.name" .root }}-{{ .service }}.{{ .root.Release.Namespace }}.svc:{{ .port }}
{{- end -}}
{{- end -}}

{{- define "stackwire.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "stackwire.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/*
The pod of a process: (dict "root" $ "service" "image" "role" "api" "port" 9292 "replicas" 2 "resources" ... "env" ...).
`role` is empty for identity and the tracer, which have one only.
*/}}
{{- define "stackwire.pod" -}}
{{- $root := .root -}}
{{- $v := $root.Values -}}
{{- $component := .component -}}
{{- $isTracer := eq .service "trace" -}}{{/* which has all at its one port */}}
{{- $health := ternary "http" "health" $isTracer -}}
metadata:
  labels:
    {{- include "stackwire.selector" (dict "root" $root "component" $component) | nindent 4 }}
    app.kubernetes.io/part-of: {{ .service }}
    stackwire/bus: "true"
  annotations:
    checksum/settings: {{ toJson $v.settings | sha256sum }}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false # their variables would be taken for settings
  securityContext:
    {{- include "stackwire.podSecurity" 10001 | nindent 4 }}
  terminationGracePeriodSeconds: {{ $v.terminationGracePeriodSeconds }}
  {{- with $v.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "stackwire.selector" (dict "root" $root "component" $component) | nindent 10 }}
  containers:
    - name: {{ $component }}
      image: {{ include "stackwire.image" $root | quote }}
      imagePullPolicy: {{ $v.image.pullPolicy }}
      args: [serve, {{ .service }}{{ if .role }}, --role, {{ .role }}{{ end }}]
      securityContext:
        {{- include "stackwire.containerSecurity" $root | nindent 8 }}
      ports:
        {{- if .port }}
        - name: http
          containerPort: {{ .port }}
        {{- end }}
        {{- if not $isTracer }}
        - name: health
          containerPort: {{ $v.healthPort }}
        {{- end }}
      env:
        - name: STACKWIRE_HOST
          value: 0.0.0.0
        {{- if not $isTracer }}
        - name: STACKWIRE_HEALTH_PORT
          value: {{ $v.healthPort | quote }}
        {{- end }}
        - name: STACKWIRE_DRAIN_DELAY
          value: {{ $v.drainDelay | quote }}
        {{- if .port }}
        - name: STACKWIRE_PORT
          value: {{ .port | quote }}
        {{- end }}
        - name: STACKWIRE_DATABASE_URL
          value: {{ include "stackwire.databaseUrl" (dict "root" $root "role" .service) | quote }}
        - name: STACKWIRE_DATABASE_PASSWORD_FILE
          value: /run/secrets/stackwire/{{ .service }}_db_password
        - name: STACKWIRE_AMQP_URL
          value: {{ include "stackwire.busUrl" (dict "root" $root "service" .service) | quote }}
        - name: STACKWIRE_AMQP_PASSWORD_FILE
          value: /run/secrets/stackwire/{{ include "stackwire.busPassword" (dict "root" $root "service" .service) }}
        {{- if not $isTracer }}
        - name: STACKWIRE_BUS_KEY_FILE
          value: /run/secrets/stackwire/bus_key
        {{- end }}
        - name: STACKWIRE_TOKEN_KEY_FILE
          value: /run/secrets/stackwire/token_key
        {{- range $name, $of := $v.services }}
        - name: STACKWIRE_{{ upper $name }}_URL
          value: http://{{ include "stackwire.name" $root }}-{{ $name }}:{{ $of.port }}
        {{- end }}
        {{- range $name, $value := $v.settings }}
        - name: STACKWIRE_{{ upper $name }}
          value: {{ $value | quote }}
        {{- end }}
        {{- with .env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      startupProbe:
        httpGet: {path: /healthcheck, port: {{ $health }}}
        periodSeconds: 2
        failureThreshold: 60
      readinessProbe:
        httpGet: {path: /healthcheck, port: {{ $health }}}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 2
      livenessProbe:
        httpGet: {path: /healthcheck/live, port: {{ $health }}}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      resources:
        {{- toYaml .resources | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: data, mountPath: /var/lib/stackwire}
        - {name: secrets, mountPath: /run/secrets/stackwire, readOnly: true}
        {{- if include "stackwire.databaseCa" $root }}
        - {name: database-ca, mountPath: /etc/stackwire/postgresql, readOnly: true}
        {{- end }}
        {{- if include "stackwire.busCa" $root }}
        - {name: bus-ca, mountPath: /etc/stackwire/rabbitmq, readOnly: true}
        {{- end }}
        {{- if eq .service "identity" }}
        - {name: seed, mountPath: /etc/stackwire/seed, readOnly: true}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 1Gi}
    - name: data
      {{- if .claim }}
      persistentVolumeClaim:
        claimName: {{ .claim }}
      {{- else }}
      emptyDir: {sizeLimit: 1Gi}
      {{- end }}
    - name: secrets
      secret:
        secretName: {{ include "stackwire.secret" $root }}
        defaultMode: 0440
        items: # what this service needs alone
          - {key: token_key, path: token_key}
          {{- $bus := include "stackwire.busPassword" (dict "root" $root "service" .service) }}
          - {key: {{ $bus }}, path: {{ $bus }}}
          {{- if not $isTracer }}
          - {key: bus_key, path: bus_key}
          {{- end }}
          - {key: {{ .service }}_db_password, path: {{ .service }}_db_password}
          {{- if or (eq .service "identity") (eq .service "image") }}
          - {key: user_password, path: user_password}
          {{- end }}
    {{- with include "stackwire.databaseCa" $root }}
    - name: database-ca
      secret:
        secretName: {{ . }}
        items: [{key: ca.crt, path: ca.crt}]
    {{- end }}
    {{- with include "stackwire.busCa" $root }}
    - name: bus-ca
      secret:
        secretName: {{ . }}
        items: [{key: ca.crt, path: ca.crt}]
    {{- end }}
    {{- if eq .service "identity" }}
    - name: seed
      configMap:
        name: {{ include "stackwire.name" $root }}-seed
    {{- end }}
{{- end -}}
