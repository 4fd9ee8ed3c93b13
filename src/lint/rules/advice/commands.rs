//! Commands in documents that do not do what the text around them says.

use crate::lint::command::Command;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// The first two words: `kubectl apply`.
fn is(command: &Command, program: &str, verb: &str) -> bool {
    let mut words = command.text.split_whitespace().filter(|word| !word.starts_with('-'));
    words.by_ref().any(|word| word == program) && words.next() == Some(verb)
}

/// The client asks nothing but whether the kind exists.
pub(super) fn client_dry_run(set: &Set, sink: &mut Sink) {
    for command in set.commands().iter().filter(|command| is(command, "kubectl", "apply") && command.text.contains("--dry-run=client")) {
        sink.command(
            command,
            "a dry run of the client checks only that the kinds exist: it lets unknown fields and refused values through",
            "Write --dry-run=server, which asks the API server with its schemas, rules and webhooks.",
        );
    }
}

/// A bucket fills while the loop runs.
pub(super) fn exact_count(set: &Set, sink: &mut Sink) {
    let all = set.commands();
    for (at, command) in all.iter().enumerate() {
        let begins = ["for ", "while ", "seq "].iter().any(|word| command.text.contains(word)) || command.text.contains("for i in");
        if !begins {
            continue;
        }
        let end = all[at..].iter().position(|one| one.text.contains("done")).map_or(all.len(), |end| at + end + 1);
        let block: Vec<&str> =
            all[at..end.min(all.len())].iter().filter(|one| one.pos.source == command.pos.source).map(|one| one.text.as_str()).collect();
        let text = block.join("\n");
        let counts = text.contains("grep 429") || text.contains("grep -c 429") || (text.contains("http_code") && text.contains("uniq -c"));
        if text.contains("curl") && counts {
            sink.command(
                command,
                "a local limit is a bucket that fills again while the loop runs, so the number of 429 depends on how long the loop takes",
                "Accept a range, or send all requests over one connection in less time than one token takes to come back.",
            );
        }
    }
}

/// No load balancer, no address, not Programmed.
pub(super) fn wait_for_address(set: &Set, sink: &mut Sink) {
    let exposed = set
        .of("gateway.envoyproxy.io", "EnvoyProxy")
        .any(|proxy| matches!(proxy.text("/spec/provider/kubernetes/envoyService/type"), Some("NodePort" | "ClusterIP")));
    let gives = ["metallb", "cloud-provider-kind", "minikube tunnel", "eksctl", "gcloud", "az aks"];
    let cloud = set.commands().iter().any(|command| gives.iter().any(|word| command.text.contains(word)));
    if exposed || cloud || set.is_production() {
        return;
    }
    for command in set.commands().iter().filter(|command| is(command, "kubectl", "wait")) {
        let gateway = command.text.to_lowercase().contains("gateway");
        if gateway && ["condition=Programmed", "condition=programmed"].iter().any(|condition| command.text.contains(condition)) {
            sink.command(
                command,
                "Envoy Gateway's Service is of type LoadBalancer: on a cluster of one machine it never gets an address, and the Gateway is never Programmed",
                "Give the GatewayClass an EnvoyProxy with envoyService.type NodePort, or install something that gives addresses.",
            );
        }
    }
}

/// Under traffic only.
pub(super) fn active_without_traffic(set: &Set, sink: &mut Sink) {
    for command in set.commands() {
        let waits = is(command, "kubectl", "wait") && command.text.contains("condition=Active") && command.text.contains("scaledobject");
        let gets = is(command, "kubectl", "get") && ["scaledobject", " so "].iter().any(|word| command.text.contains(word));
        if waits || (gets && shows_active(set, command)) {
            sink.command(
                command,
                "ACTIVE is True only while a trigger is above its activationThreshold, 0 by default: right after an apply, without traffic, it is False",
                "Expect READY True; send requests before you expect ACTIVE True.",
            );
        }
    }
}

/// Whether the output that follows a command in its document shows ACTIVE as True.
fn shows_active(set: &Set, command: &Command) -> bool {
    let Some(source) = set.sources().get(command.pos.source) else { return false };
    let below = source.text.lines().skip(command.pos.line).take(12);
    let mut after_header = below.skip_while(|line| !line.contains("ACTIVE"));
    after_header.any(|line| line.split_whitespace().rev().take(2).all(|word| word == "True") || line.contains(" True True"))
}
