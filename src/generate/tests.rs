use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::lint;
use crate::spec::{arbitrary, read};
use crate::yaml;

fn spec(text: &str) -> ServiceSpec {
    read("service.yaml", text.as_bytes(), &[]).unwrap_or_else(|findings| panic!("{findings}\n{text}")).0
}

/// Everything that a specification of the whole production kind asks for.
const FULL: &str = "\
apiVersion: tstack.dev/v1alpha1
kind: ServiceSpec
metadata: {name: task-api, namespace: tasks, description: Tasks for everybody}
spec:
  profile: production
  hosts: [tasks.example.com]
  workload: {image: 'ghcr.io/example/task-api:1.2.3', metrics: /metrics, env: {LOG: 'yes'}}
  versions: [{name: v1}, {name: v2, image: 'ghcr.io/example/task-api:2.0.0'}]
  split: {strategy: canary, percent: 10}
  tls: {mode: issuer, issuer: {name: letsencrypt}}
  routes:
  - {path: /api/tasks, timeout: 10s}
  - {path: /api/v1, version: v1, methods: [GET, HEAD], rewrite: {prefix: /api}}
  - {path: /old, match: Exact, redirect: {path: /api/tasks, status: 301}}
  rateLimit: {tiers: [{value: gold, requests: 500}]}
  circuitBreaker: {}
  healthCheck: {active: {}}
  retry: {}
  auth: {jwt: {issuer: 'https://id.example.com/', audiences: [tasks], jwksUri: 'https://id.example.com/keys', headers: {x-user-id: sub, x-tier: tier}}}
  ipAllow: [10.0.0.0/8]
  cors: {origins: ['https://app.example.com']}
  client: {maxConnections: 1000, trustedHops: 1}
  autoscale: {max: 20, prometheus: {}, cron: {start: 0 8 * * 1-5, end: 0 18 * * 1-5, replicas: 4}}
";

#[test]
#[expect(clippy::too_many_lines, reason = "the objects are the test")]
fn a_full_specification_becomes_commented_objects() {
    insta::assert_snapshot!(render(&objects(&spec(FULL))), @r#"
    # Everything below lives here.
    apiVersion: v1
    kind: Namespace
    metadata:
      name: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
    ---
    # Version v1 of the program.
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: task-api
      namespace: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
    spec:
      # no replicas: their number belongs to the scaler
      selector:
        matchLabels:
          app.kubernetes.io/name: task-api
          app.kubernetes.io/version: v1
      template:
        metadata:
          labels:
            app.kubernetes.io/name: task-api
            app.kubernetes.io/version: v1
        spec:
          # a service that is called by others seldom calls the API server
          automountServiceAccountToken: false
          # no variables for every Service of the namespace
          enableServiceLinks: false
          # the pods do not all go with one node
          topologySpreadConstraints:
            - maxSkew: 1
              topologyKey: kubernetes.io/hostname
              whenUnsatisfiable: ScheduleAnyway
              labelSelector:
                matchLabels:
                  app.kubernetes.io/name: task-api
                  app.kubernetes.io/version: v1
          securityContext:
            # an image whose user is root does not start
            runAsNonRoot: true
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: service
              image: ghcr.io/example/task-api:1.2.3
              imagePullPolicy: IfNotPresent
              ports:
                - name: http
                  containerPort: 8000
              env:
                - name: LOG
                  value: "yes"
              # a pod gets requests only while this answers
              readinessProbe:
                httpGet:
                  path: /health
                  port: http
                periodSeconds: 5
              # a pod that does not answer for three times is started again
              livenessProbe:
                httpGet:
                  path: /health
                  port: http
                periodSeconds: 10
              # the gateway hears of the end before connections are refused
              lifecycle:
                preStop:
                  sleep:
                    seconds: 5
              securityContext:
                allowPrivilegeEscalation: false
                capabilities:
                  drop:
                    - ALL
              resources:
                requests:
                  cpu: 50m
                  memory: 64Mi
                # none on cpu: a limit would slow it down while the node has time to spare
                limits:
                  memory: 256Mi
    ---
    # The address of version v1.
    apiVersion: v1
    kind: Service
    metadata:
      name: task-api
      namespace: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
        # where Prometheus finds its metrics; on the Service and not on the pods, so that they carry the label
        # `service`
        prometheus.io/scrape: "true"
        prometheus.io/port: "8000"
        prometheus.io/path: /metrics
    spec:
      selector:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/version: v1
      ports:
        - name: http
          port: 8000
          targetPort: http
    ---
    # Version v2 of the program.
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: task-api-v2
      namespace: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
    spec:
      replicas: 2
      selector:
        matchLabels:
          app.kubernetes.io/name: task-api
          app.kubernetes.io/version: v2
      template:
        metadata:
          labels:
            app.kubernetes.io/name: task-api
            app.kubernetes.io/version: v2
        spec:
          # a service that is called by others seldom calls the API server
          automountServiceAccountToken: false
          # no variables for every Service of the namespace
          enableServiceLinks: false
          # the pods do not all go with one node
          topologySpreadConstraints:
            - maxSkew: 1
              topologyKey: kubernetes.io/hostname
              whenUnsatisfiable: ScheduleAnyway
              labelSelector:
                matchLabels:
                  app.kubernetes.io/name: task-api
                  app.kubernetes.io/version: v2
          securityContext:
            # an image whose user is root does not start
            runAsNonRoot: true
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: service
              image: ghcr.io/example/task-api:2.0.0
              imagePullPolicy: IfNotPresent
              ports:
                - name: http
                  containerPort: 8000
              env:
                - name: LOG
                  value: "yes"
              # a pod gets requests only while this answers
              readinessProbe:
                httpGet:
                  path: /health
                  port: http
                periodSeconds: 5
              # a pod that does not answer for three times is started again
              livenessProbe:
                httpGet:
                  path: /health
                  port: http
                periodSeconds: 10
              # the gateway hears of the end before connections are refused
              lifecycle:
                preStop:
                  sleep:
                    seconds: 5
              securityContext:
                allowPrivilegeEscalation: false
                capabilities:
                  drop:
                    - ALL
              resources:
                requests:
                  cpu: 50m
                  memory: 64Mi
                # none on cpu: a limit would slow it down while the node has time to spare
                limits:
                  memory: 256Mi
    ---
    # The address of version v2.
    apiVersion: v1
    kind: Service
    metadata:
      name: task-api-v2
      namespace: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
        # where Prometheus finds its metrics; on the Service and not on the pods, so that they carry the label
        # `service`
        prometheus.io/scrape: "true"
        prometheus.io/port: "8000"
        prometheus.io/path: /metrics
    spec:
      selector:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/version: v2
      ports:
        - name: http
          port: 8000
          targetPort: http
    ---
    # What clients of the https listener are shown.
    apiVersion: cert-manager.io/v1
    kind: Certificate
    metadata:
      name: task-api-tls
      namespace: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
    spec:
      secretName: task-api-tls # the Gateway's https listener reads it
      duration: 2160h # 90 days
      renewBefore: 720h # with a third left, renewal may fail a few times and nobody notices
      # a new key with each certificate
      privateKey:
        algorithm: ECDSA
        size: 256
        rotationPolicy: Always
      usages:
        - digital signature
        - server auth
      dnsNames:
        - tasks.example.com
      issuerRef:
        group: cert-manager.io
        kind: ClusterIssuer
        name: letsencrypt
    ---
    # How Envoy runs. It belongs to this Gateway alone and stands in place of what its class says.
    apiVersion: gateway.envoyproxy.io/v1alpha1
    kind: EnvoyProxy
    metadata:
      name: task-api-envoy
      namespace: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
    spec:
      provider:
        type: Kubernetes
        kubernetes:
          envoyDeployment:
            # each Envoy counts its own rate limits
            replicas: 2
            container:
              resources:
                requests:
                  cpu: 100m
                  memory: 256Mi
                # none on cpu: a limit would slow it down while the node has time to spare
                limits:
                  memory: 1Gi
          # one stays while nodes are emptied
          envoyPDB:
            minAvailable: 1
          envoyService:
            # Envoy Gateway would put eight digits behind a name of its own
            name: envoy-tasks-task-api
            # without an address of it the Gateway is not Programmed: the cluster must be able to give one
            type: LoadBalancer
    ---
    # Where requests come in.
    apiVersion: gateway.networking.k8s.io/v1
    kind: Gateway
    metadata:
      name: task-api-gateway
      namespace: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
    spec:
      # the class must exist: Envoy Gateway's chart does not make it
      gatewayClassName: eg
      infrastructure:
        parametersRef:
          group: gateway.envoyproxy.io
          kind: EnvoyProxy
          name: task-api-envoy
      listeners:
        - name: http
          protocol: HTTP
          port: 80
          # routes of this namespace alone
          allowedRoutes:
            namespaces:
              from: Same
        - name: https
          protocol: HTTPS
          port: 443
          # the listener serves as soon as the Secret is there; the Gateway is Programmed without it
          tls:
            mode: Terminate
            certificateRefs:
              - kind: Secret
                name: task-api-tls
          allowedRoutes:
            namespaces:
              from: Same
    ---
    # Which requests lead where.
    apiVersion: gateway.networking.k8s.io/v1
    kind: HTTPRoute
    metadata:
      name: task-api-route
      namespace: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
    spec:
      # HTTPS alone: plain HTTP has a route of its own, which leads here
      parentRefs:
        - name: task-api-gateway
          sectionName: https
      hostnames:
        - tasks.example.com
      # each match is a route of Envoy's own, with its own rate limits
      rules:
        - matches:
            - path:
                type: PathPrefix
                value: /api/tasks
          timeouts: # here in place of the policy's requestTimeout
            request: 10s
          # a part of the requests goes to the candidate; raise it step by step
          backendRefs:
            - name: task-api
              port: 8000
              weight: 90
            - name: task-api-v2
              port: 8000
              weight: 10
        - matches:
            - path:
                type: PathPrefix
                value: /api/v1
              method: GET
          filters:
            - type: URLRewrite
              urlRewrite:
                path:
                  type: ReplacePrefixMatch
                  replacePrefixMatch: /api
          backendRefs:
            - name: task-api
              port: 8000
        - matches:
            - path:
                type: PathPrefix
                value: /api/v1
              method: HEAD
          filters:
            - type: URLRewrite
              urlRewrite:
                path:
                  type: ReplacePrefixMatch
                  replacePrefixMatch: /api
          backendRefs:
            - name: task-api
              port: 8000
        - matches:
            - path:
                type: Exact
                value: /old
          filters:
            - type: RequestRedirect
              requestRedirect:
                path:
                  type: ReplaceFullPath
                  replaceFullPath: /api/tasks
                statusCode: 301
    ---
    # Plain HTTP answers nothing but the way to HTTPS.
    apiVersion: gateway.networking.k8s.io/v1
    kind: HTTPRoute
    metadata:
      name: task-api-to-https
      namespace: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
    spec:
      parentRefs:
        - name: task-api-gateway
          sectionName: http
      hostnames:
        - tasks.example.com
      rules:
        - filters:
            - type: RequestRedirect
              requestRedirect:
                scheme: https
                statusCode: 301 # for good: browsers remember it
    ---
    # One policy for everything: a second one on the same route would be refused as Conflicted.
    apiVersion: gateway.envoyproxy.io/v1alpha1
    kind: BackendTrafficPolicy
    metadata:
      name: task-api-protection
      namespace: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
    spec:
      targetRefs:
        - group: gateway.networking.k8s.io
          kind: HTTPRoute
          name: task-api-route
      rateLimit:
        # counted in each Envoy; a bucket fills up again bit by bit
        local:
          rules:
            # a bucket for each user of the tier gold
            - clientSelectors:
                - headers:
                    - type: Distinct
                      name: x-user-id
                    - type: Exact
                      name: x-tier
                      value: gold
              limit:
                requests: 500
                unit: Minute
            # a bucket for each value of the header (Envoy Gateway 1.9.1 remembers the last 20 users of a route);
            # not for the tiers, since every rule that matches counts
            - clientSelectors:
                - headers:
                    - type: Distinct
                      name: x-user-id
                    - type: Exact
                      name: x-tier
                      value: gold
                      invert: true
              limit:
                requests: 100
                unit: Minute
            # a bucket for all that have no header or an empty one; `value: "*"` would mean the character *
            - clientSelectors:
                - headers:
                    - type: RegularExpression
                      name: x-user-id
                      value: ".+"
                      invert: true
              limit:
                requests: 10
                unit: Minute
      # what is above is answered 503 at once; each rule of a route and each Envoy counts for itself
      circuitBreaker:
        maxConnections: 50
        maxParallelRequests: 25
        maxPendingRequests: 5
      healthCheck:
        # each Envoy asks each pod
        active:
          type: HTTP
          http:
            path: /health
            expectedStatuses:
              - 200
          interval: 10s
          timeout: 1s
          unhealthyThreshold: 3
          healthyThreshold: 1
      retry:
        numRetries: 2
        retryOn:
          # only what no pod has seen: nothing is done twice, and a breaker that opens is not hidden behind
          # retries
          triggers:
            - connect-failure
            - refused-stream
            - reset-before-request
        perRetry:
          backOff:
            baseInterval: 25ms
            maxInterval: 250ms
      timeout:
        tcp:
          connectTimeout: 5s
        http:
          requestTimeout: 30s # retries included; then 504
    ---
    # Who may call. One policy: a second one on the same route would be refused as Conflicted.
    apiVersion: gateway.envoyproxy.io/v1alpha1
    kind: SecurityPolicy
    metadata:
      name: task-api-security
      namespace: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
    spec:
      targetRefs:
        - group: gateway.networking.k8s.io
          kind: HTTPRoute
          name: task-api-route
      jwt:
        providers:
          - name: task-api
            issuer: https://id.example.com/
            # a token for another service is not good here
            audiences:
              - tasks
            # Envoy fetches the keys, and again every five minutes
            remoteJWKS:
              uri: https://id.example.com/keys
            # texts, numbers and booleans; a claim that is a list is left out
            claimToHeaders:
              - header: x-tier
                claim: tier
              - header: x-user-id
                claim: sub
      authorization:
        defaultAction: Deny
        rules:
          - action: Allow
            # the address that the gateway sees; see the policy for clients
            principal:
              clientCIDRs:
                - "10.0.0.0/8"
      cors:
        allowOrigins:
          - https://app.example.com
        allowMethods:
          - GET
          - POST
          - PUT
          - PATCH
          - DELETE
          - OPTIONS
        allowHeaders:
          - Authorization
          - Content-Type
        maxAge: 3600s # as long a browser asks no more
        allowCredentials: false
    ---
    # What the gateway takes from clients.
    apiVersion: gateway.envoyproxy.io/v1alpha1
    kind: ClientTrafficPolicy
    metadata:
      name: task-api-clients
      namespace: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
    spec:
      targetRefs:
        - group: gateway.networking.k8s.io
          kind: Gateway
          name: task-api-gateway
      # believed because so many proxies of ours stand before the gateway; anybody else's entries are not
      clientIPDetection:
        xForwardedFor:
          numTrustedHops: 1
      tls:
        minVersion: "1.2"
      timeout:
        http:
          requestReceivedTimeout: 60s # a client that sends a request byte by byte
          idleTimeout: 300s # a connection without requests
      # of each Envoy; what is above is closed at once
      connection:
        connectionLimit:
          value: 1000
    ---
    # The number of pods follows the load. Nothing else may scale the same Deployment.
    apiVersion: keda.sh/v1alpha1
    kind: ScaledObject
    metadata:
      name: task-api-scaler
      namespace: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
    spec:
      scaleTargetRef:
        name: task-api
      minReplicaCount: 2
      maxReplicaCount: 20
      pollingInterval: 15 # seconds; the HPA asks by itself, this keeps the conditions fresh
      # pods go after so many seconds of less load; cooldownPeriod is about the last one alone
      advanced:
        horizontalPodAutoscalerConfig:
          behavior:
            scaleDown:
              stabilizationWindowSeconds: 300
      # the trigger that asks for most counts
      triggers:
        - type: prometheus
          metadata:
            serverAddress: http://prometheus.monitoring.svc.cluster.local:9090
            # requests a second that passed the limits: Envoy counts them for each rule of a route; one number, or
            # KEDA calls it an error
            query: 'sum(rate(envoy_cluster_upstream_rq_total{envoy_cluster_name=~"httproute/tasks/task-api-route/rule/(0|1|2)"}[1m]))'
            threshold: "50" # what one pod bears; a text, as all of KEDA's metadata
            # by default no answer counts as 0, and a wrong query would look like no load
            ignoreNullValues: "false"
        - type: cron
          metadata:
            timezone: UTC
            start: "0 8 * * 1-5"
            end: "0 18 * * 1-5"
            desiredReplicas: "4"
    ---
    # Pods of version v1 that stay while nodes are emptied.
    apiVersion: policy/v1
    kind: PodDisruptionBudget
    metadata:
      name: task-api
      namespace: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
    spec:
      minAvailable: 1 # fewer than there are pods, or no node could ever be emptied
      # a pod that never became ready holds nothing up
      unhealthyPodEvictionPolicy: AlwaysAllow
      selector:
        matchLabels:
          app.kubernetes.io/name: task-api
          app.kubernetes.io/version: v1
    ---
    # Pods of version v2 that stay while nodes are emptied.
    apiVersion: policy/v1
    kind: PodDisruptionBudget
    metadata:
      name: task-api-v2
      namespace: tasks
      labels:
        app.kubernetes.io/name: task-api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "87132a4e02994002"
    spec:
      minAvailable: 1 # fewer than there are pods, or no node could ever be emptied
      # a pod that never became ready holds nothing up
      unhealthyPodEvictionPolicy: AlwaysAllow
      selector:
        matchLabels:
          app.kubernetes.io/name: task-api
          app.kubernetes.io/version: v2
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "the objects are the test")]
fn a_local_service_that_exists_is_left_as_it_is() {
    let local = "\
apiVersion: tstack.dev/v1alpha1
kind: ServiceSpec
metadata: {name: api, namespace: default}
spec:
  gateway: {service: {nodePorts: {http: 30080, https: 30443}}}
  tls: {}
  routes: [{path: /api}]
  rateLimit: {scope: global, unit: Hour}
  autoscale: {cpu: {}}
";
    insta::assert_snapshot!(render(&objects(&spec(local))), @r#"
    # Signs certificates with their own keys: good for encryption, but no client trusts them.
    apiVersion: cert-manager.io/v1
    kind: Issuer
    metadata:
      name: api-issuer
      namespace: default
      labels:
        app.kubernetes.io/name: api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "7c038a5f0d081b7d"
    spec:
      selfSigned: {}
    ---
    # What clients of the https listener are shown.
    apiVersion: cert-manager.io/v1
    kind: Certificate
    metadata:
      name: api-tls
      namespace: default
      labels:
        app.kubernetes.io/name: api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "7c038a5f0d081b7d"
    spec:
      secretName: api-tls # the Gateway's https listener reads it
      duration: 2160h # 90 days
      renewBefore: 720h # with a third left, renewal may fail a few times and nobody notices
      # a new key with each certificate
      privateKey:
        algorithm: ECDSA
        size: 256
        rotationPolicy: Always
      usages:
        - digital signature
        - server auth
      dnsNames:
        - localhost
      ipAddresses:
        - "127.0.0.1"
        - "::1"
      issuerRef:
        group: cert-manager.io
        kind: Issuer
        name: api-issuer
    ---
    # How Envoy runs. It belongs to this Gateway alone and stands in place of what its class says.
    apiVersion: gateway.envoyproxy.io/v1alpha1
    kind: EnvoyProxy
    metadata:
      name: api-envoy
      namespace: default
      labels:
        app.kubernetes.io/name: api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "7c038a5f0d081b7d"
    spec:
      # one thread: no processor of a laptop idles in a worker
      concurrency: 1
      # the defaults of 60s and 10s are for many nodes and long requests
      shutdown:
        drainTimeout: 5s
        minDrainDuration: 1s
      provider:
        type: Kubernetes
        kubernetes:
          envoyDeployment:
            replicas: 1
            container:
              # by tag: the built-in default names a digest that no loaded image has
              image: docker.io/envoyproxy/envoy:distroless-v1.39.1
              resources:
                requests:
                  cpu: 50m
                  memory: 64Mi
                # none on cpu: a limit would slow it down while the node has time to spare
                limits:
                  memory: 512Mi
            # asked every second and not every ten; the failures allowed make it as patient as before
            patch:
              type: StrategicMerge
              value:
                spec:
                  template:
                    spec:
                      containers:
                        - name: envoy
                          startupProbe:
                            periodSeconds: 1
                            failureThreshold: 120
                          readinessProbe:
                            periodSeconds: 1
                        - name: shutdown-manager
                          startupProbe:
                            periodSeconds: 1
                            failureThreshold: 120
                          readinessProbe:
                            periodSeconds: 1
          envoyService:
            # Envoy Gateway would put eight digits behind a name of its own
            name: envoy-default-api
            # a LoadBalancer gets no address on kind, and the Gateway would never be Programmed
            type: NodePort
            # the default, Local, serves only on the nodes that run Envoy
            externalTrafficPolicy: Cluster
            # fixed ports of every node; name and protocol keep the entries whole
            patch:
              type: StrategicMerge
              value:
                spec:
                  ports:
                    - name: http-80
                      port: 80
                      nodePort: 30080
                      protocol: TCP
                    - name: https-443
                      port: 443
                      nodePort: 30443
                      protocol: TCP
    ---
    # Where requests come in.
    apiVersion: gateway.networking.k8s.io/v1
    kind: Gateway
    metadata:
      name: api-gateway
      namespace: default
      labels:
        app.kubernetes.io/name: api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "7c038a5f0d081b7d"
    spec:
      # the class must exist: Envoy Gateway's chart does not make it
      gatewayClassName: eg
      infrastructure:
        parametersRef:
          group: gateway.envoyproxy.io
          kind: EnvoyProxy
          name: api-envoy
      listeners:
        - name: http
          protocol: HTTP
          port: 80
          # routes of this namespace alone
          allowedRoutes:
            namespaces:
              from: Same
        - name: https
          protocol: HTTPS
          port: 443
          # the listener serves as soon as the Secret is there; the Gateway is Programmed without it
          tls:
            mode: Terminate
            certificateRefs:
              - kind: Secret
                name: api-tls
          allowedRoutes:
            namespaces:
              from: Same
    ---
    # Which requests lead where.
    apiVersion: gateway.networking.k8s.io/v1
    kind: HTTPRoute
    metadata:
      name: api-route
      namespace: default
      labels:
        app.kubernetes.io/name: api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "7c038a5f0d081b7d"
    spec:
      parentRefs:
        - name: api-gateway
      # each match is a route of Envoy's own, with its own rate limits
      rules:
        - matches:
            - path:
                type: PathPrefix
                value: /api
          backendRefs:
            - name: api
              port: 8000
    ---
    # One policy for everything: a second one on the same route would be refused as Conflicted.
    apiVersion: gateway.envoyproxy.io/v1alpha1
    kind: BackendTrafficPolicy
    metadata:
      name: api-protection
      namespace: default
      labels:
        app.kubernetes.io/name: api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "7c038a5f0d081b7d"
    spec:
      targetRefs:
        - group: gateway.networking.k8s.io
          kind: HTTPRoute
          name: api-route
      rateLimit:
        # counted in Redis for all Envoys; a window begins with the clock's unit
        global:
          rules:
            # a bucket for each value of the header
            - clientSelectors:
                - headers:
                    - type: Distinct
                      name: x-user-id
              limit:
                requests: 100
                unit: Hour
            # a bucket for all that have no header or an empty one; `value: "*"` would mean the character *
            - clientSelectors:
                - headers:
                    - type: RegularExpression
                      name: x-user-id
                      value: ".+"
                      invert: true
              limit:
                requests: 10
                unit: Hour
      timeout:
        tcp:
          connectTimeout: 5s
        http:
          requestTimeout: 30s # retries included; then 504
    ---
    # The number of pods follows the processors' use. Nothing else may scale the same Deployment.
    apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata:
      name: api-scaler
      namespace: default
      labels:
        app.kubernetes.io/name: api
        app.kubernetes.io/managed-by: tstack
      annotations:
        tstack.dev/spec-digest: "7c038a5f0d081b7d"
    spec:
      scaleTargetRef:
        apiVersion: apps/v1
        kind: Deployment
        name: api
      minReplicas: 1
      maxReplicas: 10
      # pods go after so many seconds of less load
      behavior:
        scaleDown:
          stabilizationWindowSeconds: 300
      # percent of what the pods ask for; the cluster needs metrics-server, the containers requests.cpu
      metrics:
        - type: Resource
          resource:
            name: cpu
            target:
              type: Utilization
              averageUtilization: 70
    "#);
}

#[test]
fn files_are_named_in_the_order_of_need() {
    let documents = objects(&spec(FULL));
    let files = files(&documents);
    insta::assert_snapshot!(files.keys().copied().collect::<Vec<_>>().join(" "), @r"10-namespace.yaml 20-workload.yaml 30-certificate.yaml 40-gateway.yaml 50-routes.yaml 60-traffic-policy.yaml 61-security-policy.yaml 62-client-policy.yaml 70-autoscaling.yaml 80-disruption-budget.yaml");
    assert_eq!(files.values().map(String::as_str).collect::<Vec<_>>().join("---\n"), render(&documents));
}

#[test]
fn a_change_of_the_specification_changes_every_digest_and_a_comment_changes_none() {
    let digest = |text: &str| objects(&spec(text))[0].value().pointer("/metadata/annotations").unwrap()[SPEC_DIGEST].clone();
    assert_eq!(digest(FULL), digest(&FULL.replace("  hosts:", "  # where\n  hosts:")));
    assert_ne!(digest(FULL), digest(&FULL.replace("percent: 10", "percent: 25")));
}

/// The group, kind and name of everything that a policy is about.
fn targets_of(object: &Value) -> Vec<String> {
    let refs = object.pointer("/spec/targetRefs").and_then(Value::as_array);
    refs.into_iter().flatten().map(|r| format!("{} {} {}", object["kind"], r["kind"], r["name"])).collect()
}

/// What the linter says of what was made.
fn findings(spec: &ServiceSpec, stream: &str) -> Vec<lint::Finding> {
    let source = lint::Source { file: "made.yaml".into(), text: stream.to_owned() };
    let profile = if spec.profile == crate::spec::Profile::Production { lint::Profile::Production } else { lint::Profile::Local };
    let around = lint::Surroundings { profile, ..lint::Surroundings::default() };
    lint::run(&lint::Set::new(vec![source], yaml::parse_nodes(stream).unwrap(), around))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_specification_becomes_objects_that_can_be_applied(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        let text = arbitrary::specification(&bytes, "api", "apis").to_string();
        let spec = spec(&text);
        let documents = objects(&spec);
        let stream = render(&documents);
        prop_assert_eq!(&stream, &render(&objects(&super::tests::spec(&text))), "the same specification, other bytes");
        prop_assert_eq!(files(&documents).values().map(String::as_str).collect::<Vec<_>>().join("---\n"), stream.as_str(), "files and stream differ");

        let findings = findings(&spec, &stream);
        let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == lint::Severity::Error).collect();
        prop_assert!(errors.is_empty(), "{errors:#?}\n{stream}");

        let read: Result<Vec<_>, _> = yaml::parse_each(&stream).collect();
        let read = read.map_err(|error| TestCaseError::fail(format!("{error}\n{stream}")))?;
        prop_assert_eq!(read.len(), documents.len());
        let (mut ids, mut targets) = (BTreeSet::new(), BTreeSet::new());
        for (document, read) in documents.iter().zip(&read) {
            prop_assert_eq!(&document.value(), read, "written and read differ");
            prop_assert_eq!(&crate::stack::ObjectId::of(read), &document.id);
            prop_assert!(ids.insert(document.id.clone()), "{} is there twice", document.id);
            let namespace = read.pointer("/metadata/namespace").and_then(Value::as_str);
            prop_assert_eq!(namespace, (document.id.kind != "Namespace").then_some("apis"));
            prop_assert_eq!(&read["metadata"]["labels"][MANAGED_BY], "tstack");
            prop_assert_eq!(&read["metadata"]["annotations"][SPEC_DIGEST], spec.digest.as_str());
            for target in targets_of(read) {
                prop_assert!(targets.insert(target.clone()), "two policies: {target}");
            }
        }
    }
}
