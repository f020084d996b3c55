{{- define "sequentialjob.labels" -}}
app.kubernetes.io/name: sequentialjob
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "sequentialjob.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- /* The name of the PriorityClass; empty: none. */ -}}
{{- define "sequentialjob.priorityClass" -}}
{{- if .Values.priorityClass.create -}}
{{ .Values.priorityClass.name | default "sequentialjob" }}
{{- else -}}
{{ .Values.priorityClass.name }}
{{- end -}}
{{- end }}

{{- define "sequentialjob.certificateSecret" -}}
{{ .Values.certificate.secretName | default "sequentialjob-webhook-tls" }}
{{- end }}

{{- /* API servers before 1.21 have PodDisruptionBudget only as policy/v1beta1. Takes .root and .component. */ -}}
{{- define "sequentialjob.disruptionBudget" -}}
apiVersion: {{ if .root.Capabilities.APIVersions.Has "policy/v1" }}policy/v1{{ else }}policy/v1beta1{{ end }}
kind: PodDisruptionBudget
metadata:
  name: sequentialjob-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sequentialjob.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  minAvailable: {{ .root.Values.podDisruptionBudget.minAvailable }}
  selector:
    matchLabels:
      app.kubernetes.io/name: sequentialjob
      app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- /* config/manager/deployment.yaml has the reasons. Takes .root, .component, .role and .replicas. */ -}}
{{- define "sequentialjob.deployment" -}}
{{- $values := .root.Values }}
{{- $servesWebhook := ne .role "controller" }}
{{- $controls := ne .role "webhook" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: sequentialjob-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sequentialjob.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  replicas: {{ .replicas }}
  revisionHistoryLimit: 3
  selector:
    matchLabels:
      app.kubernetes.io/name: sequentialjob
      app.kubernetes.io/component: {{ .component }}
  {{- if or $values.leaderElection.enabled (not $controls) }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  {{- else }}
  # Without leader election an old and a new Pod would both reconcile during a rolling update.
  strategy:
    type: Recreate
  {{- end }}
  template:
    metadata:
      labels:
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        app.kubernetes.io/name: sequentialjob
        app.kubernetes.io/component: {{ .component }}
        {{- if $servesWebhook }}
        batch.example.com/webhook: 'true'
        {{- end }}
      annotations:
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        kubectl.kubernetes.io/default-container: operator
    spec:
      serviceAccountName: sequentialjob-{{ .component }}
      automountServiceAccountToken: {{ $controls }}
      # The variables of the Service sequentialjob-webhook (SEQUENTIALJOB_WEBHOOK_PORT=tcp://…) would be read as options.
      enableServiceLinks: false
      {{- with $values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with include "sequentialjob.priorityClass" .root }}
      priorityClassName: {{ . }}
      {{- end }}
      terminationGracePeriodSeconds: 30
      securityContext:
        runAsNonRoot: true
        seccompProfile:
          type: RuntimeDefault
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- if $values.topologySpread }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              app.kubernetes.io/name: sequentialjob
              app.kubernetes.io/component: {{ .component }}
        - maxSkew: 1
          topologyKey: topology.kubernetes.io/zone
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              app.kubernetes.io/name: sequentialjob
              app.kubernetes.io/component: {{ .component }}
      {{- end }}
      containers:
        - name: operator
          image: {{ include "sequentialjob.image" .root }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          args:
            - run
            - --role={{ .role }}
            {{- if and $controls $values.leaderElection.enabled }}
            - --leader-elect
            {{- end }}
            {{- if and $controls $values.secretCheck.enabled }}
            - --check-secrets
            {{- end }}
            - --metrics-port=8080
            - --health-port=8081
            {{- if $servesWebhook }}
            - --cert-dir=/certificate
            {{- if $values.webhook.clientCA.configMapName }}
            - --client-ca-file=/client-ca/ca.crt
            - --client-subjects={{ join "," $values.webhook.clientCA.subjects }}
            {{- end }}
            - --shutdown-delay=5
            {{- end }}
            {{- if and $controls $values.watchNamespace }}
            - --namespace={{ $values.watchNamespace }}
            {{- end }}
            {{- if and $controls $values.kubeApi.qps }}
            - --kube-api-qps={{ $values.kubeApi.qps }}
            - --kube-api-burst={{ $values.kubeApi.burst }}
            {{- end }}
            {{- range $values.extraArgs }}
            - {{ . | quote }}
            {{- end }}
          env:
            - name: NODE_OPTIONS
              value: --max-old-space-size={{ $values.maxHeapMiB }} --max-semi-space-size=8
            - name: MALLOC_TRIM_THRESHOLD_
              value: '1048576'
            - name: MALLOC_MMAP_THRESHOLD_
              value: '1048576'
            - name: SEQUENTIALJOB_OPERATOR_NAMESPACE
              valueFrom:
                fieldRef:
                  fieldPath: metadata.namespace
            {{- with $values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          ports:
            {{- if $servesWebhook }}
            - name: webhook
              containerPort: 9443
            {{- end }}
            - name: metrics
              containerPort: 8080
            - name: health
              containerPort: 8081
          readinessProbe:
            httpGet:
              port: health
              path: {{ ternary "/readyz/webhook" "/readyz" $servesWebhook }}
            periodSeconds: 5
            timeoutSeconds: 3
          livenessProbe:
            httpGet:
              port: health
              path: /healthz
            initialDelaySeconds: 15
            periodSeconds: 20
            timeoutSeconds: 5
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
          {{- if $servesWebhook }}
          volumeMounts:
            - name: certificate
              mountPath: /certificate
              readOnly: true
            {{- if $values.webhook.clientCA.configMapName }}
            - name: client-ca
              mountPath: /client-ca
              readOnly: true
            {{- end }}
      volumes:
        - name: certificate
          secret:
            secretName: {{ include "sequentialjob.certificateSecret" .root }}
        {{- with $values.webhook.clientCA.configMapName }}
        - name: client-ca
          configMap:
            name: {{ . }}
        {{- end }}
          {{- else }}
          volumeMounts: []
      volumes: []
          {{- end }}
{{- end }}
