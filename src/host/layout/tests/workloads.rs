//! Deployments: what of a container a process can be given.

use std::time::Duration;

use super::*;
use crate::host::{Ask, Process};

/// A Deployment whose pod has these fields, and whose container has those.
fn deployment(pod: &str, container: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: cart, namespace: shop }}
spec:
  selector: {{ matchLabels: {{ app: cart }} }}
  template:
    metadata: {{ labels: {{ app: cart }} }}
    spec: {{ containers: [{{ name: app, image: 'localhost/app:1'{container} }}]{pod} }}
"
    )
}

fn process(container: &str) -> Process {
    let layout = laid(&deployment("", container), &[]);
    assert_eq!((faults(&layout), left_out(&layout), &layout.waiting), (vec![], vec![], &BTreeMap::new()));
    layout.processes.into_iter().next().unwrap()
}

fn fault(pod: &str, container: &str) -> String {
    let layout = laid(&deployment(pod, container), &[]);
    assert_eq!(layout.processes, []);
    faults(&layout).concat()
}

#[test]
fn what_a_process_cannot_be_given_is_a_fault_with_a_way_out() {
    let all = [
        fault("", " }, { name: second, image: 'localhost/app:1'"),
        fault(", initContainers: [{ name: first, image: 'localhost/app:1' }]", ""),
        fault(", volumes: [{ name: data, configMap: { name: x } }]", ", volumeMounts: [{ name: data, mountPath: /etc/app }]"),
        fault("", ", command: [/bin/sh, -c, run]"),
        fault("", ", readinessProbe: { exec: { command: [check] } }"),
        fault("", ", readinessProbe: { httpGet: { port: web } }"),
        fault("", ", env: [{ name: CPUS, valueFrom: { resourceFieldRef: { resource: limits.cpu } } }]"),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    Deployment shop/cart: it has more than one container, and here each Deployment is one program; Run this stack on a cluster: `--provider kind`.
    Deployment shop/cart: it has init containers, which only run on a cluster; Run this stack on a cluster: `--provider kind`.
    Deployment shop/cart: its container mounts /etc/app, and a process sees this machine's files alone; Give the program what it needs in its environment, or use `--provider kind`.
    Deployment shop/cart: its command is /bin/sh, and of its image only the program app is here; Leave `command` out, or begin it with `/app`.
    Deployment shop/cart: its readinessProbe can be asked only inside of a container; Ask with `httpGet` or `tcpSocket`.
    Deployment shop/cart: its readinessProbe asks a port that the container does not have; Name the port in `ports`.
    Deployment shop/cart: its variable CPUS comes from what only a pod has; Give CPUS a value, or use `--provider kind`.
    "#);
}

#[test]
fn an_empty_folder_at_tmp_is_there_anyway() {
    let text = deployment(", volumes: [{ name: tmp, emptyDir: {} }]", ", volumeMounts: [{ name: tmp, mountPath: /tmp }]");
    assert_eq!(laid(&text, &[]).processes.len(), 1);
}

#[test]
fn a_command_that_begins_with_the_program_of_its_image_gives_arguments() {
    assert_eq!(
        process(", command: [/app, --loud], args: ['--port=$(PORT)'], ports: [{ containerPort: 8000 }]").args,
        ["--loud", "--port=20000"]
    );
}

#[test]
fn a_port_variable_that_names_a_container_port_means_the_port_that_it_is_here() {
    let with = |value: &str| {
        process(&format!(", ports: [{{ containerPort: 8000 }}], env: [{{ name: PORT, value: '{value}' }}]")).env["PORT"].clone()
    };
    assert_eq!((with("8000").as_str(), with("9999").as_str()), ("20000", "9999"));
}

#[test]
fn a_port_is_known_from_a_service_or_a_probe_where_the_container_declares_none() {
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: { name: cart, namespace: shop }\nspec: { selector: { app: cart }, ports: [{ port: 80, targetPort: 8000 }] }\n";
    let text = deployment("", ", livenessProbe: { tcpSocket: { port: 8001 } }") + service;
    let layout = laid(&text, &[]);
    assert_eq!(layout.processes[0].ports, BTreeMap::from([(8000, 20000), (8001, 20001)]));
    assert_eq!(layout.processes[0].liveness.as_ref().unwrap().ask, Ask::Tcp);
    assert_eq!(layout.services[&("shop".into(), "cart".into(), 80)], ["127.0.0.1:20000".parse().unwrap()]);
}

#[test]
fn a_process_that_does_not_serve_is_behind_no_service() {
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: { name: cart, namespace: shop }\nspec: { selector: { app: cart }, ports: [{ port: 8000 }] }\n";
    let objects = objects(&(deployment("", "") + service));
    let around = Surroundings { serving: Vec::new(), ..around(&objects, &[]) };
    let layout = layout(&objects, &around);
    assert_eq!(layout.services.values().map(Vec::len).sum::<usize>(), 0);
    let nobody = serde_json::json!([{"ip": {"address": "127.0.0.1", "port": 1}}]);
    assert_eq!(document(&layout, "Backend", "cart")["spec"]["endpoints"], nobody, "503 and not 500");
    // while it is replaced, its older run serves at another port
    let older = Serving { process: "shop/cart/0".into(), ports: BTreeMap::from([(8000, 30000)]) };
    let layout = super::layout(&objects, &Surroundings { serving: vec![older], ..around });
    assert_eq!(layout.services.values().flatten().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1:30000"]);
}

#[test]
fn a_sleep_before_the_end_is_one_however_it_is_written() {
    let pause = |hook: &str| process(&format!(", lifecycle: {{ preStop: {hook} }}")).pre_stop.as_secs();
    assert_eq!(pause("{ sleep: { seconds: 2 } }"), 2);
    assert_eq!(pause("{ exec: { command: [sleep, '3'] } }"), 3);
    assert_eq!(pause("{ exec: { command: [/bin/sh, -c, 'sleep 4'] } }"), 4);
    let other = laid(&deployment("", ", lifecycle: { preStop: { httpGet: { port: 8000 } } }"), &[]);
    assert_eq!(left_out(&other), ["Deployment shop/cart, preStop: only a sleep can come before the end of a process"]);
    assert_eq!(process("").grace, Duration::from_secs(30), "Kubernetes' default");
}

#[test]
fn what_an_environment_needs_is_waited_for_unless_it_may_be_missing() {
    let waits = |env: &str| laid(&deployment("", env), &[]).waiting.into_values().collect::<Vec<_>>();
    let key =
        |optional: bool| format!(", env: [{{ name: A, valueFrom: {{ secretKeyRef: {{ name: x, key: k, optional: {optional} }} }} }}]");
    assert_eq!(waits(&key(false)), ["Secret shop/x is not there"]);
    assert_eq!(waits(&key(true)), [""; 0]);
    assert_eq!(process(&key(true)).env.get("A"), None);
    let empty = "---\n{ apiVersion: v1, kind: Secret, metadata: { name: x, namespace: shop } }\n";
    let layout = laid(&(deployment("", &key(false)) + empty), &[]);
    assert_eq!(layout.waiting.into_values().collect::<Vec<_>>(), ["Secret shop/x has no key k"]);
}

#[test]
fn fields_of_the_pod_are_those_of_the_process() {
    let field =
        |path: &str| process(&format!(", env: [{{ name: A, valueFrom: {{ fieldRef: {{ fieldPath: \"{path}\" }} }} }}]")).env["A"].clone();
    let paths = ["metadata.name", "metadata.namespace", "metadata.labels['app']", "status.podIP", "spec.serviceAccountName"];
    assert_eq!(paths.map(field), ["cart-0", "shop", "cart", "127.0.0.1", "default"]);
}
