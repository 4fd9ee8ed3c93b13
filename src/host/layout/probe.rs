//! Probes of containers.

use std::time::Duration;

use serde_json::Value;

use super::objects::Target;
use crate::host::fields::{list, number, some_text, text};
use crate::host::{Ask, Probe};

/// The probes that a container may have.
pub(super) const NAMES: &[&str] = &["readinessProbe", "livenessProbe", "startupProbe"];

/// Reads a probe, with Kubernetes' defaults; `port` gives the loopback port.
///
/// # Errors
/// When it cannot be asked from outside, or its port has no name; what, and what to do.
pub(super) fn read(container: &Value, name: &str, port: impl Fn(Target<'_>) -> Option<u16>) -> Result<Option<Probe>, (String, String)> {
    let Some(probe) = container.get(name).filter(|probe| probe.is_object()) else { return Ok(None) };
    let (ask, at) = if let Some(get) = probe.get("httpGet") {
        let headers = list(get, "/httpHeaders").iter().map(|h| (text(h, "/name").to_owned(), text(h, "/value").to_owned())).collect();
        let path = some_text(get, "/path").unwrap_or("/").to_owned();
        (Ask::Http { path, headers, https: text(get, "/scheme") == "HTTPS" }, Target::of(get, "/port"))
    } else if let Some(socket) = probe.get("tcpSocket") {
        (Ask::Tcp, Target::of(socket, "/port"))
    } else {
        let hint = "Ask with `httpGet` or `tcpSocket`.".to_owned();
        return Err((format!("its {name} can be asked only inside of a container"), hint));
    };
    let Some(port) = at.and_then(port) else {
        return Err((format!("its {name} asks a port that the container does not have"), "Name the port in `ports`.".to_owned()));
    };
    let seconds = |key: &str, otherwise: u64| Duration::from_secs(number(probe, &format!("/{key}")).unwrap_or(otherwise));
    let count = |key: &str, otherwise: u32| number(probe, &format!("/{key}")).unwrap_or(otherwise).max(1);
    Ok(Some(Probe {
        ask,
        port,
        delay: seconds("initialDelaySeconds", 0),
        period: seconds("periodSeconds", 10).max(Duration::from_secs(1)),
        timeout: seconds("timeoutSeconds", 1).max(Duration::from_secs(1)),
        successes: count("successThreshold", 1),
        failures: count("failureThreshold", 3),
    }))
}
