#!/usr/bin/env bash
# The same with helmfile: releases side by side, their order from `needs`. Driven as serial.sh is.
set -euo pipefail
last=$EPOCHREALTIME
phase() {
  local now=$EPOCHREALTIME
  awk -v n="$1" -v a="$last" -v b="$now" 'BEGIN { printf "phase %s %.2f\n", n, b - a }'
  last=$now
}

kind create cluster --quiet --name "$NAME" --image "$NODE_IMAGE" --config "$WORK/kind.yaml" --kubeconfig "$KUBECONFIG"
phase create-cluster

# shellcheck disable=SC2086 # a list of names
docker save $IMAGES | docker exec -i "$NAME-control-plane" ctr --namespace k8s.io images import - > /dev/null
phase load-images

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 -subj "/CN=bench local CA" \
  -keyout "$WORK/ca.key" -out "$WORK/ca.crt" 2> /dev/null
kubectl --kubeconfig "$KUBECONFIG" create namespace task-api > /dev/null
kubectl --kubeconfig "$KUBECONFIG" -n task-api create secret tls local-ca --cert "$WORK/ca.crt" --key "$WORK/ca.key" > /dev/null
helmfile --quiet --file "$WORK/helmfile.yaml" sync > "$WORK/helmfile.log" 2>&1 || { tail -n 30 "$WORK/helmfile.log" >&2; exit 1; }
phase helmfile-sync

python3 "$CHECKS" --http "$HTTP" --https "$HTTPS" --kubeconfig "$KUBECONFIG" --ca "$WORK/ca.crt" --patience 240
phase checks
