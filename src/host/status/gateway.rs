//! Gateways: Envoy Gateway's word, and what only we can know, which is whether our Envoy listens.
//!
//! Envoy Gateway starts no Envoy here that it would know of, so it goes on saying that a Gateway has no address.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::observed;
use crate::host::fields::{list, text};
use crate::host::{Listener, Verdict};

/// What Envoy Gateway says of a Gateway that has all but an address or an Envoy of its own making.
const OURS_TO_SAY: &[&str] = &["AddressNotAssigned", "NoResources", "AddressNotUsable", "Pending"];

/// The Gateway without the listeners that nobody reaches here: of them nobody will ever say anything.
pub(super) fn drop_left_out(gateway: &mut Value, served: Option<&Vec<Listener>>) {
    if let Some(served) = served
        && let Some(listeners) = gateway.pointer_mut("/spec/listeners").and_then(Value::as_array_mut)
    {
        listeners.retain(|one| served.iter().any(|listener| listener.name == text(one, "/name")));
    }
}

/// The status of a Gateway.
pub(super) fn status(verdict: &Verdict, served: Option<&Vec<Listener>>, listening: &BTreeSet<u16>) -> Value {
    let mut status = observed(verdict);
    let served = served.map_or(&[][..], Vec::as_slice);
    let mut waits = Vec::new();
    let mut ports = BTreeSet::new();
    for one in status.pointer_mut("/listeners").and_then(Value::as_array_mut).into_iter().flatten() {
        let name = text(one, "/name").to_owned();
        let Some(listener) = served.iter().find(|listener| listener.name == name) else { continue };
        // a listener without its certificate is opened by no Envoy, and that is said of the listener alone
        let Some(programmed) = condition(one, "Programmed").filter(|programmed| is_true(programmed)) else { continue };
        ports.insert(listener.host);
        if !listening.contains(&listener.host) {
            waits.push(listener.host);
            programmed["status"] = json!("False");
            programmed["reason"] = json!("Pending");
            programmed["message"] = json!(format!("Envoy does not listen on 127.0.0.1:{} yet", listener.host));
        }
    }
    let known = !list(&status, "/listeners").is_empty();
    if let Some(programmed) = condition(&mut status, "Programmed")
        && OURS_TO_SAY.contains(&text(programmed, "/reason"))
        && known
    {
        let addresses =
            |ports: &mut dyn Iterator<Item = &u16>| ports.map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(" and ");
        let (is, reason, message) = match waits.as_slice() {
            [] => ("True", "Programmed", format!("Envoy listens on {}", addresses(&mut ports.iter()))),
            waits => ("False", "Pending", format!("Envoy does not listen on {} yet", addresses(&mut waits.iter()))),
        };
        programmed["status"] = json!(is);
        programmed["reason"] = json!(reason);
        programmed["message"] = json!(message);
        status["addresses"] = json!([{"type": "IPAddress", "value": "127.0.0.1"}]);
    }
    status
}

fn condition<'v>(part: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    let conditions = part.get_mut("conditions")?.as_array_mut()?;
    conditions.iter_mut().find(|condition| text(condition, "/type") == name)
}

fn is_true(condition: &Value) -> bool {
    text(condition, "/status") == "True"
}
