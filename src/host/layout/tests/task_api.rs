//! The shipped stack, whole.

use super::*;

fn lines(documents: &[Value]) -> String {
    documents.iter().map(|document| format!("{document}")).collect::<Vec<_>>().join("\n")
}

#[test]
fn its_documents_say_what_its_manifests_say_with_loopback_in_place_of_a_cluster() {
    let (objects, around) = whole(&task_api_stack());
    let layout = layout(&objects, &around);
    assert_eq!(faults(&layout), [""; 0]);
    assert_eq!(left_out(&layout), ["ScaledObject task-api/task-api-scaler: autoscaling needs the Kubernetes API"]);
    assert_eq!(layout.files.keys().collect::<Vec<_>>(), [MAIN_FILE]);
    insta::assert_snapshot!(lines(&layout.files[MAIN_FILE]), @r#"
    {"apiVersion":"v1","kind":"Namespace","metadata":{"name":"task-api"}}
    {"apiVersion":"v1","kind":"Secret","metadata":{"name":"task-api-tls","namespace":"task-api"},"type":"kubernetes.io/tls","data":{}}
    {"apiVersion":"gateway.envoyproxy.io/v1alpha1","kind":"EnvoyProxy","metadata":{"name":"tstack","namespace":"envoy-gateway-system"},"spec":{"concurrency":1,"shutdown":{"drainTimeout":"5s","minDrainDuration":"1s"},"provider":{"type":"Host","host":{"envoyVersion":"1.39.1"}}}}
    {"apiVersion":"gateway.networking.k8s.io/v1","kind":"GatewayClass","metadata":{"name":"eg"},"spec":{"controllerName":"gateway.envoyproxy.io/gatewayclass-controller","parametersRef":{"group":"gateway.envoyproxy.io","kind":"EnvoyProxy","name":"tstack","namespace":"envoy-gateway-system"}}}
    {"apiVersion":"gateway.networking.k8s.io/v1","kind":"Gateway","metadata":{"name":"task-api-gateway","namespace":"task-api"},"spec":{"gatewayClassName":"eg","listeners":[{"name":"http","protocol":"HTTP","port":8080,"allowedRoutes":{"namespaces":{"from":"Same"}}},{"name":"https","protocol":"HTTPS","port":8443,"tls":{"mode":"Terminate","certificateRefs":[{"name":"task-api-tls"}]},"allowedRoutes":{"namespaces":{"from":"Same"}}}]}}
    {"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute","metadata":{"name":"task-api-route","namespace":"task-api"},"spec":{"parentRefs":[{"name":"task-api-gateway"}],"rules":[{"matches":[{"path":{"type":"PathPrefix","value":"/api/tasks"}}],"backendRefs":[{"name":"task-api","port":8000,"group":"gateway.envoyproxy.io","kind":"Backend"}]},{"matches":[{"path":{"type":"PathPrefix","value":"/api/v1"}}],"backendRefs":[{"name":"task-api-v1","port":8000,"group":"gateway.envoyproxy.io","kind":"Backend"}]},{"matches":[{"path":{"type":"PathPrefix","value":"/api/v2"}}],"backendRefs":[{"name":"task-api-v2","port":8000,"group":"gateway.envoyproxy.io","kind":"Backend"}]}]}}
    {"apiVersion":"gateway.envoyproxy.io/v1alpha1","kind":"BackendTrafficPolicy","metadata":{"name":"task-api-protection","namespace":"task-api"},"spec":{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"HTTPRoute","name":"task-api-route"}],"rateLimit":{"local":{"rules":[{"clientSelectors":[{"headers":[{"type":"Distinct","name":"x-user-id"}]}],"limit":{"requests":100,"unit":"Minute"}},{"clientSelectors":[{"headers":[{"type":"RegularExpression","name":"x-user-id","value":".+","invert":true}]}],"limit":{"requests":10,"unit":"Minute"}}]}},"circuitBreaker":{"maxConnections":50,"maxParallelRequests":25,"maxPendingRequests":5},"retry":{"numRetries":2,"retryOn":{"triggers":["connect-failure","refused-stream","reset-before-request"]},"perRetry":{"backOff":{"baseInterval":"25ms","maxInterval":"250ms"}}},"timeout":{"tcp":{"connectTimeout":"5s"},"http":{"requestTimeout":"30s"}}}}
    {"apiVersion":"gateway.envoyproxy.io/v1alpha1","kind":"Backend","metadata":{"name":"task-api","namespace":"task-api"},"spec":{"type":"Endpoints","endpoints":[{"ip":{"address":"127.0.0.1","port":20001}}]}}
    {"apiVersion":"gateway.envoyproxy.io/v1alpha1","kind":"Backend","metadata":{"name":"task-api-v1","namespace":"task-api"},"spec":{"type":"Endpoints","endpoints":[{"ip":{"address":"127.0.0.1","port":20001}}]}}
    {"apiVersion":"gateway.envoyproxy.io/v1alpha1","kind":"Backend","metadata":{"name":"task-api-v2","namespace":"task-api"},"spec":{"type":"Endpoints","endpoints":[{"ip":{"address":"127.0.0.1","port":20000}}]}}
    {"apiVersion":"gateway.envoyproxy.io/v1alpha1","kind":"EnvoyPatchPolicy","metadata":{"name":"tstack-loopback-task-api-gateway","namespace":"task-api"},"spec":{"targetRef":{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"task-api-gateway"},"type":"JSONPatch","jsonPatches":[{"type":"type.googleapis.com/envoy.config.listener.v3.Listener","name":"task-api/task-api-gateway/http","operation":{"op":"replace","path":"/address/socket_address/address","value":"127.0.0.1"}},{"type":"type.googleapis.com/envoy.config.listener.v3.Listener","name":"task-api/task-api-gateway/http","operation":{"op":"add","path":"/enable_reuse_port","value":false}},{"type":"type.googleapis.com/envoy.config.listener.v3.Listener","name":"task-api/task-api-gateway/http","operation":{"op":"add","path":"/additional_addresses","value":[{"address":{"socket_address":{"address":"::1","port_value":8080}}}]}},{"type":"type.googleapis.com/envoy.config.listener.v3.Listener","name":"task-api/task-api-gateway/https","operation":{"op":"replace","path":"/address/socket_address/address","value":"127.0.0.1"}},{"type":"type.googleapis.com/envoy.config.listener.v3.Listener","name":"task-api/task-api-gateway/https","operation":{"op":"add","path":"/enable_reuse_port","value":false}},{"type":"type.googleapis.com/envoy.config.listener.v3.Listener","name":"task-api/task-api-gateway/https","operation":{"op":"add","path":"/additional_addresses","value":[{"address":{"socket_address":{"address":"::1","port_value":8443}}}]}},{"type":"type.googleapis.com/envoy.config.listener.v3.Listener","name":"envoy-gateway-proxy-ready-0.0.0.0-19003","operation":{"op":"replace","path":"/address/socket_address/address","value":"127.0.0.1"}},{"type":"type.googleapis.com/envoy.config.listener.v3.Listener","name":"envoy-gateway-proxy-ready-0.0.0.0-19003","operation":{"op":"replace","path":"/address/socket_address/port_value","value":0}}]}}
    {"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute","metadata":{"name":"tstack-marker-1","namespace":"task-api"},"spec":{"parentRefs":[{"name":"task-api-gateway","sectionName":"tstack-marker"}]}}
    "#);
}

#[test]
fn its_processes_have_ports_of_their_own_and_are_asked_as_its_pods_are() {
    let (objects, around) = whole(&task_api_stack());
    let layout = layout(&objects, &around);
    insta::assert_snapshot!(format!("{:#?}", layout.processes[1]), @r#"
    Process {
        name: "task-api/task-api/0",
        program: "/state/task-api",
        args: [],
        env: [
            "API_VERSION",
            "DRAIN_SECONDS",
            "HOST",
            "HOSTNAME",
            "PORT",
            "PORT_HTTP",
            "SERVICE_NAME",
        ],
        ports: {
            8000: 20001,
        },
        ..
    }
    "#);
    insta::assert_debug_snapshot!(layout.processes[1].env, @r#"
    {
        "API_VERSION": "v1",
        "DRAIN_SECONDS": "5",
        "HOST": "127.0.0.1",
        "HOSTNAME": "task-api-0",
        "PORT": "20001",
        "PORT_HTTP": "20001",
        "SERVICE_NAME": "task-api",
    }
    "#);
    insta::assert_debug_snapshot!(layout.processes[1].readiness, @r#"
    Some(
        Probe {
            ask: Http {
                path: "/ready",
                headers: [],
                https: false,
            },
            port: 20001,
            delay: 0ns,
            period: 1s,
            timeout: 1s,
            successes: 1,
            failures: 3,
        },
    )
    "#);
    let names: Vec<&str> = layout.processes.iter().map(|process| process.name.as_str()).collect();
    assert_eq!(names, ["task-api/task-api-v2/0", "task-api/task-api/0"]);
    let process = &layout.processes[0];
    assert_eq!((process.pre_stop.as_secs(), process.grace.as_secs()), (2, 10));
}
