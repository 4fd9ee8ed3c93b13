//! The Gateway, its certificate and what it takes from clients.

use std::net::IpAddr;

use super::super::file::{ClientFile, Profile, Resources, ServiceType, TlsFile, TlsMode, TlsVersion};
use super::super::model::{CertificateSource, Gateway, Ports, Tls};
use super::super::words::Span;
use super::Context;

impl Context<'_> {
    pub(super) fn gateway(&mut self, namespace: &str) -> Gateway {
        let file = &self.file.gateway;
        let production = self.is_production();
        let ports = Ports { http: file.ports.http.unwrap_or(80), https: file.ports.https.unwrap_or(443) };
        let public = if production { ports } else { Ports { http: 8080, https: 8443 } };
        let public_ports =
            Ports { http: file.public_ports.http.unwrap_or(public.http), https: file.public_ports.https.unwrap_or(public.https) };
        let service_type = file.service.kind.unwrap_or(if production { ServiceType::LoadBalancer } else { ServiceType::NodePort });
        let gateway = Gateway {
            name: file.name.clone().unwrap_or_else(|| format!("{}-gateway", self.name)),
            class_name: file.class_name.clone().unwrap_or_else(|| "eg".into()),
            ports,
            public_ports,
            service: file.service.name.clone().unwrap_or_else(|| envoy_service(namespace, self.name)),
            service_type,
            node_ports: file.service.node_ports,
            replicas: file.replicas.unwrap_or(if production { 2 } else { 1 }),
            resources: file.resources.clone().unwrap_or_else(|| envoy_resources(self.file.profile)),
        };
        self.ports(&gateway);
        if production && gateway.replicas < 2 {
            let hint = "leave `replicas` out for 2, or give more";
            self.wrong("/gateway/replicas", "one Envoy serves nobody while it restarts; profile `production` has at least 2", hint);
        }
        gateway
    }

    fn ports(&mut self, gateway: &Gateway) {
        let tls = self.file.tls.is_some();
        for (key, ports) in [("ports", gateway.ports), ("publicPorts", gateway.public_ports)] {
            if tls && ports.http == ports.https {
                self.wrong_key(
                    &format!("/gateway/{key}"),
                    format!("HTTP and HTTPS are both on port {}", ports.http),
                    "give them two ports",
                );
            }
        }
        let nodes = gateway.node_ports;
        if (nodes.http.is_some() || nodes.https.is_some()) && gateway.service_type != ServiceType::NodePort {
            let hint = "add `type: NodePort`, or leave `nodePorts` out";
            self.wrong_key("/gateway/service/nodePorts", "only a Service of type `NodePort` has node ports of its own", hint);
        }
        if nodes.http.is_some() && nodes.http == nodes.https {
            self.wrong_key("/gateway/service/nodePorts", "HTTP and HTTPS have the same node port", "give them two ports");
        }
        if !tls && nodes.https.is_some() {
            self.wrong_key("/gateway/service/nodePorts/https", "there is no HTTPS", "add `tls`, or leave this out");
        }
    }

    pub(super) fn tls(&mut self) -> Option<Tls> {
        let file = self.file.tls.as_ref()?;
        let source = self.certificate_source(file);
        let hosts = || {
            let mut all = self.file.hosts.clone();
            for host in self.file.routes.iter().flat_map(|route| &route.hosts) {
                if !all.contains(host) {
                    all.push(host.clone());
                }
            }
            if all.is_empty() { vec!["localhost".to_owned()] } else { all }
        };
        let dns_names = if file.dns_names.is_empty() { hosts() } else { file.dns_names.clone() };
        let local = || if dns_names.iter().any(|n| n == "localhost") { vec!["127.0.0.1".into(), "::1".into()] } else { Vec::new() };
        let ip_addresses = file.ip_addresses.clone().unwrap_or_else(local);
        for (index, address) in file.ip_addresses.iter().flatten().enumerate() {
            if address.parse::<IpAddr>().is_err() {
                let hint = "write it as `127.0.0.1` or `::1`; names belong under `dnsNames`";
                self.wrong(&format!("/tls/ipAddresses/{index}"), format!("`{address}` is not an IP address"), hint);
            }
        }
        let redirect = file.redirect.unwrap_or_else(|| self.is_production() || self.carries_secrets());
        if self.is_production() && !redirect {
            self.wrong("/tls/redirect", "profile `production` speaks HTTPS alone", "leave `redirect` out");
        }
        Some(Tls {
            source,
            secret: file.secret.clone().unwrap_or_else(|| format!("{}-tls", self.name)),
            dns_names,
            ip_addresses,
            days: file.days.unwrap_or(90),
            redirect,
        })
    }

    /// Whether requests carry what must not be sent in plain HTTP.
    fn carries_secrets(&self) -> bool {
        self.file.auth.as_ref().is_some_and(|auth| auth.external.is_none())
    }

    fn certificate_source(&mut self, file: &TlsFile) -> CertificateSource {
        let (issuer, ca) = (file.issuer.is_some(), file.ca_secret.is_some());
        for (key, given, mode, word) in [("issuer", issuer, TlsMode::Issuer, "issuer"), ("caSecret", ca, TlsMode::Ca, "ca")] {
            if given && file.mode != mode {
                self.wrong_key(
                    &format!("/tls/{key}"),
                    format!("`{key}` is for `mode: {word}` alone"),
                    format!("add `mode: {word}`, or leave this out"),
                );
            } else if !given && file.mode == mode {
                self.wrong_key("/tls/mode", format!("`mode: {word}` needs the key `{key}`"), format!("add `{key}`"));
            }
        }
        if file.mode == TlsMode::Existing {
            for key in ["dnsNames", "ipAddresses", "days"] {
                if self.is_given(&format!("/tls/{key}")) {
                    let message = format!("`{key}` is for a certificate that is made, and `mode: existing` takes one as it is");
                    self.wrong_key(&format!("/tls/{key}"), message, "leave it out");
                }
            }
        }
        if file.mode == TlsMode::SelfSigned && self.is_production() {
            let hint = "use `mode: issuer` with an issuer that clients trust, `ca`, or `existing`";
            self.wrong_key("/tls/mode", "no client trusts a certificate that signs itself", hint);
        }
        match (file.mode, &file.issuer, &file.ca_secret) {
            (TlsMode::Issuer, Some(issuer), _) => CertificateSource::Issuer(issuer.clone()),
            (TlsMode::Ca, _, Some(secret)) => CertificateSource::Ca(secret.clone()),
            (TlsMode::Existing, ..) => CertificateSource::Existing,
            _ => CertificateSource::SelfSigned,
        }
    }

    pub(super) fn client(&mut self) -> Option<ClientFile> {
        if self.file.routes.is_empty() {
            return None;
        }
        let written = self.file.client.clone();
        if written.as_ref().is_some_and(|c| c.min_tls_version.is_some()) && self.file.tls.is_none() {
            self.wrong_key("/client/minTlsVersion", "there is no HTTPS", "add `tls`, or leave this out");
        }
        let mut client = if self.is_production() { written.unwrap_or_default() } else { written? };
        if self.file.tls.is_some() {
            client.min_tls_version = client.min_tls_version.or(Some(TlsVersion::V1_2));
        }
        if self.is_production() {
            client.request_timeout = client.request_timeout.or_else(|| Some(Span::seconds(60)));
            client.idle_timeout = client.idle_timeout.or_else(|| Some(Span::seconds(300)));
        }
        (client != ClientFile::default()).then_some(client)
    }
}

/// The name of Envoy's Service, which lives with the Services of all other Gateways.
fn envoy_service(namespace: &str, name: &str) -> String {
    let mut service = if namespace == name { format!("envoy-{name}") } else { format!("envoy-{namespace}-{name}") };
    service.truncate(63);
    service.trim_end_matches('-').to_owned()
}

fn envoy_resources(profile: Profile) -> Resources {
    let (cpu, memory, limit) = match profile {
        Profile::Local => ("50m", "64Mi", "512Mi"),
        Profile::Production => ("100m", "256Mi", "1Gi"),
    };
    Resources { cpu: cpu.into(), memory: memory.into(), memory_limit: limit.into() }
}
