//! What of a specification one machine can do, and what has to be otherwise there.

use super::NODE_PORTS;
use crate::spec::{Action, Auth, CertificateSource, Keda, NodePorts, Ports, Profile, Prometheus, Scope, ServiceSpec, ServiceType, Signal};

/// A specification as it can run on one machine, and what is not as it was specified.
pub(super) struct Local {
    pub(super) spec: ServiceSpec,
    pub(super) notes: Vec<String>,
}

/// The Prometheus of the platform, which answers in the cluster under this name.
const PROMETHEUS: &str = "http://prometheus.monitoring.svc.cluster.local:9090";

pub(super) fn local(specified: &ServiceSpec) -> Local {
    let mut local = Local { spec: specified.clone(), notes: Vec::new() };
    local.gateway(specified);
    local.certificate();
    local.access();
    local.scaling();
    local.program();
    local
}

/// The trigger that asks the Prometheus of the platform.
pub(super) fn prometheus(spec: &ServiceSpec) -> Option<&Prometheus> {
    match &spec.autoscale.as_ref()?.signal {
        Signal::Keda(keda) => keda.prometheus.as_ref(),
        Signal::Cpu(_) => None,
    }
}

impl Local {
    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn gateway(&mut self, specified: &ServiceSpec) {
        if specified.profile == Profile::Production {
            self.spec.profile = Profile::Local;
            self.note("profile `local` in place of `production`.");
        }
        let tls = self.spec.tls.is_some();
        let Some(gateway) = &mut self.spec.gateway else { return };
        let before = gateway.clone();
        gateway.service_type = ServiceType::NodePort;
        gateway.node_ports = NodePorts { http: Some(NODE_PORTS.0), https: tls.then_some(NODE_PORTS.1) };
        gateway.replicas = 1;
        if gateway.public_ports.http < 1024 || gateway.public_ports.https < 1024 {
            gateway.public_ports = Ports { http: 8080, https: 8443 };
        }
        let (type_changed, fewer) = (before.service_type != ServiceType::NodePort, before.replicas);
        if type_changed {
            self.note("the gateway is reached through node ports, which the cluster maps to this machine.");
        }
        if fewer > 1 {
            self.note(format!("one Envoy in place of {fewer}, so that limits are counted in one place."));
        }
        if let Some(limit) = self.spec.rate_limit.as_mut().filter(|limit| limit.scope == Scope::Global) {
            limit.scope = Scope::Local;
            self.note("requests are counted in Envoy; the platform has no Redis.");
        }
    }

    fn certificate(&mut self) {
        let Some(tls) = &mut self.spec.tls else { return };
        let before = std::mem::replace(&mut tls.source, CertificateSource::Existing);
        if !tls.dns_names.iter().any(|known| known == "localhost") {
            tls.dns_names.push("localhost".into());
        }
        for address in ["127.0.0.1", "::1"] {
            if !tls.ip_addresses.iter().any(|known| known == address) {
                tls.ip_addresses.push(address.into());
            }
        }
        match before {
            CertificateSource::SelfSigned => self.note("the certificate is signed by the CA of this cluster, so that checks can trust it."),
            _ => self.note("the certificate is signed by the CA of this cluster, for localhost too."),
        }
    }

    fn access(&mut self) {
        let left_out = match &self.spec.auth {
            Some(Auth::Oidc(oidc)) => Some(format!("the login with {}: the identity provider is no part of this stack.", oidc.issuer)),
            Some(Auth::External(other)) => {
                Some(format!("the Service {}, which decides who may call, is no part of this stack.", other.service))
            }
            Some(Auth::Basic { secret, .. }) => {
                let note = format!("Secret {secret} holds one user for trying it out, demo with the password demo.");
                self.note(note);
                None
            }
            Some(Auth::ApiKey(key)) => {
                let note = format!("Secret {} holds one key for trying it out, demo-key of the client demo.", key.secret);
                self.note(note);
                None
            }
            _ => None,
        };
        if let Some(note) = left_out {
            self.spec.auth = None;
            self.note(format!("everybody may call. {note}"));
        }
    }

    fn scaling(&mut self) {
        let Some(scale) = &mut self.spec.autoscale else { return };
        let mut notes = Vec::new();
        let gone = match &mut scale.signal {
            Signal::Cpu(_) => {
                notes.push(
                    "nothing scales: the use of processors is known to the metrics server, which is no part of this stack.".to_owned(),
                );
                true
            }
            Signal::Keda(keda) => {
                let Keda { prometheus, kafka, cron, .. } = keda.as_mut();
                if let Some(there) = prometheus.take_if(|p| p.server.trim_end_matches('/') != PROMETHEUS) {
                    notes.push(format!("nothing follows {}: it is no part of this stack.", there.server));
                }
                if let Some(kafka) = kafka.take() {
                    notes.push(format!("nothing follows the topic {}: Kafka is no part of this stack.", kafka.topic));
                }
                prometheus.is_none() && cron.is_none()
            }
        };
        let (version, pods) = (scale.version.clone(), scale.min.max(1));
        if gone {
            self.spec.autoscale = None;
            for other in self.spec.versions.iter_mut().filter(|other| other.name == version) {
                if let Some(workload) = &mut other.workload {
                    workload.replicas = Some(pods);
                }
            }
        }
        self.notes.extend(notes);
    }

    fn program(&mut self) {
        if !self.spec.deployed {
            let services: Vec<&str> = self.spec.versions.iter().map(|version| version.service.as_str()).collect();
            self.notes.push(format!(
                "it is not deployed, since the specification has no `workload`: add a component with the Service {}.",
                services.join(" and ")
            ));
        }
        let mut others: Vec<&str> = Vec::new();
        for route in &self.spec.routes {
            if let Action::Forward { backends, .. } = &route.action {
                others.extend(backends.iter().filter(|b| b.version.is_none() && b.weight > 0).map(|b| b.service.as_str()));
            }
        }
        others.sort_unstable();
        others.dedup();
        if !others.is_empty() {
            let note = format!("the Service {} is no part of this stack: add a component with it.", others.join(" and "));
            self.notes.push(note);
        }
        let mut secrets = Vec::new();
        for workload in self.spec.versions.iter_mut().filter_map(|version| version.workload.as_mut()) {
            secrets.append(&mut workload.env_secrets);
        }
        secrets.dedup();
        if !secrets.is_empty() {
            self.note(format!("the environment is without the Secret {}, which is no part of this stack.", secrets.join(" and ")));
        }
    }
}
