{{- /* Whether the chart issues the webhook's certificate itself: "true" or "". */ -}}
{{- define "sequentialjob.issuesCertificate" -}}
{{- if not (or .Values.certManager.enabled .Values.certificate.secretName) }}true{{ end }}
{{- end }}

{{- /* The CA of the webhook in base64, for the webhook configurations and the CRD; empty with cert-manager, which sets it. */ -}}
{{- define "sequentialjob.caBundle" -}}
{{- if eq (include "sequentialjob.issuesCertificate" .) "true" }}
{{- include "sequentialjob.issue" . }}
{{- index .Values.certificate.issued "ca.crt" }}
{{- else if not .Values.certManager.enabled }}
{{- required "certificate.secretName needs certificate.caBundle" .Values.certificate.caBundle | b64enc }}
{{- end }}
{{- end }}

{{- /* Puts the data of the Secret into .Values.certificate.issued, once for each rendering: several templates need the same CA. */ -}}
{{- define "sequentialjob.issue" -}}
{{- if not (hasKey .Values.certificate "issued") }}
{{- /* Without a cluster the lookup finds no certificate, and each rendering would create a new CA. Every cluster has the namespace default. */ -}}
{{- if not (lookup "v1" "Namespace" "" "default") }}
{{- fail (include "sequentialjob.noCluster" .) }}
{{- end }}
{{- $data := dict }}
{{- $existing := lookup "v1" "Secret" .Release.Namespace (include "sequentialjob.certificateSecret" .) }}
{{- if $existing }}
{{- $data = $existing.data }}
{{- else }}
{{- $host := printf "sequentialjob-webhook.%s.svc" .Release.Namespace }}
{{- $ca := genCA "sequentialjob-ca" 1825 }}
{{- $certificate := genSignedCert $host nil (list $host (printf "%s.cluster.local" $host)) 1825 $ca }}
{{- $data = dict "ca.crt" ($ca.Cert | b64enc) "tls.crt" ($certificate.Cert | b64enc) "tls.key" ($certificate.Key | b64enc) }}
{{- end }}
{{- $_ := set .Values.certificate "issued" $data }}
{{- end }}
{{- end }}

{{- define "sequentialjob.noCluster" -}}
certManager.enabled is false and certificate.secretName is empty, so this chart issues the webhook's certificate once and keeps the one in the cluster. This rendering cannot read the cluster (helm template, Argo CD, --dry-run=client) and would issue another certificate each time. Set certManager.enabled=true, or certificate.secretName and certificate.caBundle, or use helm install, helm upgrade or --dry-run=server.
{{- end }}

