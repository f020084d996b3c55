{{- /* NOTES.txt prints one line for each value that protects less than its default. docs/threat-model.md describes the consequences. */ -}}
{{- define "sequentialjob.weaker" -}}
{{- $values := .Values -}}
{{- if eq $values.webhook.failurePolicy "Ignore" }}
- webhook.failurePolicy: Ignore: while the webhook is unavailable, SequentialJobs are stored unchecked.
{{- end }}
{{- if $values.webhook.namespaceSelector }}
- webhook.namespaceSelector: in all other namespaces SequentialJobs are stored unchecked.
{{- end }}
{{- if not $values.networkPolicy.enabled }}
- networkPolicy.enabled: false: every Pod of the cluster can connect to the operator's ports, and egress of its Pods is not restricted.
{{- else if not $values.networkPolicy.metricsNamespaceLabels }}
- networkPolicy.metricsNamespaceLabels: empty: Pods of every namespace can scrape the metrics.
{{- end }}
{{- if $values.secretCheck.enabled }}
- secretCheck.enabled: true: the operator may read every Secret whose name it knows{{ with $values.watchNamespace }} in namespace {{ . }}{{ end }}.
{{- end }}
{{- if not $values.leaderElection.enabled }}
- leaderElection.enabled: false: nothing prevents a second controller from reconciling at the same time.
{{- end }}
{{- if and $values.priorityClass.create (not (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version)) }}
- priorityClass.create: true: before Kubernetes 1.30 Pods of every namespace may name the class {{ include "sequentialjob.priorityClass" . }}.
{{- end }}
{{- if and (not $values.certManager.enabled) (not $values.certificate.secretName) }}
- certManager.enabled: false: the webhook's private key is also stored in Helm's release Secrets (sh.helm.release.v1.{{ .Release.Name }}.*).
{{- end }}
{{- if $values.podDisruptionBudget.enabled }}
{{- $least := toString $values.podDisruptionBudget.minAvailable }}
{{- if eq "yes" (include "sequentialjob.blocksDrains" (dict "least" $least "of" $values.replicas)) }}
- podDisruptionBudget.minAvailable: {{ $least }} with replicas: {{ $values.replicas }}: no node with a Pod of the operator can be drained.
{{- end }}
{{- if and (eq $values.roles "split") (eq "yes" (include "sequentialjob.blocksDrains" (dict "least" $least "of" $values.webhookReplicas))) }}
- podDisruptionBudget.minAvailable: {{ $least }} with webhookReplicas: {{ $values.webhookReplicas }}: no node with a Pod of the webhook can be drained.
{{- end }}
{{- end }}
{{- with $values.extraArgs }}
- extraArgs: {{ join " " . }}: the chart does not check whether these flags weaken the protection.
{{- end }}
{{- range $values.extraEnv }}
- extraEnv: {{ .name }}: the chart does not check whether this variable weakens the protection.
{{- end }}
{{- if eq .Release.Namespace $values.watchNamespace }}
- watchNamespace is the operator's own namespace, where the operator runs no SequentialJob: nothing will run. Install the chart into another namespace.
{{- else if eq .Release.Namespace "default" }}
- the operator is in the namespace default: it runs no SequentialJob there, and users who may create Pods there can use its service account.
{{- end }}
{{- end }}

{{- /* "yes" if a PodDisruptionBudget with minAvailable `least` (a number, or a percentage, which Kubernetes rounds up) allows no eviction of any of `of` Pods. */ -}}
{{- define "sequentialjob.blocksDrains" -}}
{{- $least := int .least -}}
{{- if hasSuffix "%" .least -}}
{{- $least = div (add (mul (int (trimSuffix "%" .least)) (int .of)) 99) 100 -}}
{{- end -}}
{{- if ge (int $least) (int .of) -}}yes{{- end -}}
{{- end }}
