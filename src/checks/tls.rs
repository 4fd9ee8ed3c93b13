//! A TLS handshake.

use super::outcome::{Backoff, Outcome, check_failure};
use super::request::Endpoint;
use super::{Context, explain};
use crate::stack::TlsCheck;

pub(super) async fn run(check: &TlsCheck, context: &Context) -> Outcome {
    let mut backoff = Backoff::new(context, context.settle);
    loop {
        let outcome = once(check, context).await;
        if !backoff.heals(&outcome).await {
            return outcome;
        }
    }
}

async fn once(check: &TlsCheck, context: &Context) -> Outcome {
    let names = if check.names.is_empty() { String::new() } else { format!(" for {}", check.names.join(", ")) };
    let expected = format!("a certificate of the cluster's CA{names}");
    let endpoint = match Endpoint::of_address(&check.address, context) {
        Ok(endpoint) => endpoint,
        Err(failure) => return Outcome::failed(expected, "nothing was sent", failure),
    };
    let connection = match endpoint.open().await {
        Ok(connection) => connection,
        Err(error) => return Outcome::failed(expected, error.phase.to_string(), explain::unanswered(&error)).transient(error.transient),
    };
    let held = connection.peer_names();
    let seen = format!("a certificate of the cluster's CA for {}", held.join(", "));
    let missing: Vec<&str> = check.names.iter().filter(|name| !holds(held, name)).map(String::as_str).collect();
    if missing.is_empty() {
        return Outcome::passed(expected, seen);
    }
    let mut failure = check_failure(format!("the certificate at {} does not hold {}", check.address, missing.join(", ")));
    if let Some(certificate) = connection.certificate() {
        failure = failure.why(format!("the server showed: {certificate}"));
    }
    Outcome::failed(expected, seen, failure.hint("Add the names to the certificate's dnsNames or ipAddresses in the stack file."))
}

/// DNS names have no case, and an IP address has many spellings.
fn holds(held: &[String], name: &str) -> bool {
    let wanted = name.parse().map_or_else(|_| name.to_owned(), |ip: std::net::IpAddr| ip.to_string());
    held.iter().any(|held| held.eq_ignore_ascii_case(&wanted))
}

#[cfg(test)]
mod tests;
