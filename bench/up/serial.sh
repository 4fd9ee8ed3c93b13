#!/usr/bin/env bash
# What a careful person writes by hand: a cluster, all images in one stream, four charts one after another, the objects, and the checks.
# The driver (run.py) says what and where by environment; a line `phase NAME SECONDS` tells how far it is.
set -euo pipefail
began=$EPOCHREALTIME last=$EPOCHREALTIME
phase() {
  local now=$EPOCHREALTIME
  awk -v n="$1" -v a="$last" -v b="$now" 'BEGIN { printf "phase %s %.2f\n", n, b - a }'
  last=$now
}
kubectl() { command kubectl --kubeconfig "$KUBECONFIG" "$@"; }
# a webhook that answers for the first time may refuse: try again
again() { local n; for n in $(seq 120); do "$@" > "$WORK/again.log" 2>&1 && return; sleep 0.5; done; cat "$WORK/again.log" >&2; return 1; }

kind create cluster --quiet --name "$NAME" --image "$NODE_IMAGE" --config "$WORK/kind.yaml" --kubeconfig "$KUBECONFIG"
phase create-cluster

# shellcheck disable=SC2086 # a list of names
docker save $IMAGES | docker exec -i "$NAME-control-plane" ctr --namespace k8s.io images import - > /dev/null
phase load-images

while IFS=$'\t' read -r component release namespace chart version flags; do
  # shellcheck disable=SC2086 # none, or one flag
  helm install "$release" "$chart" --version "$version" $flags --namespace "$namespace" --create-namespace \
    --values "$WORK/values/$component.yaml" --wait --timeout 5m > "$WORK/helm-$component.log" 2>&1 || { cat "$WORK/helm-$component.log" >&2; exit 1; }
  phase "helm-$component"
done < "$WORK/charts.tsv"

kubectl apply -f "$WORK/objects/namespace.yaml" > /dev/null
kubectl apply -f "$WORK/objects/task-api.yaml" -f "$WORK/objects/gateway.yaml" -f "$WORK/objects/routes.yaml" > /dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 -subj "/CN=bench local CA" \
  -keyout "$WORK/ca.key" -out "$WORK/ca.crt" 2> /dev/null
kubectl -n task-api create secret tls local-ca --cert "$WORK/ca.crt" --key "$WORK/ca.key" > /dev/null
again kubectl apply -f "$WORK/objects/certificate.yaml"
again kubectl apply -f "$WORK/objects/scaler.yaml"
phase apply

python3 "$CHECKS" --http "$HTTP" --https "$HTTPS" --kubeconfig "$KUBECONFIG" --ca "$WORK/ca.crt" --patience 240
phase checks
