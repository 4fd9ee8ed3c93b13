//! The Secrets that a SecurityPolicy names: whether they are there, and hold what Envoy Gateway reads.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::security_policies;
use crate::lint::entry::Entry;
use crate::lint::model::Reference;
use crate::lint::place::Place;
use crate::lint::set::{Look, Set};
use crate::lint::sink::Sink;

const EFFECT: &str = "Envoy Gateway refuses the whole policy, and its routes answer 500";

/// A reference to a Secret, and the key that Envoy Gateway reads; `None` where each key is a client.
type Used<'a> = (Reference<'a>, Option<&'static str>);

/// The Secrets that a policy refers to.
fn used(policy: &Entry) -> impl Iterator<Item = Used<'_>> {
    let single =
        [("/spec/basicAuth/users", ".htpasswd"), ("/spec/oidc/clientSecret", "client-secret"), ("/spec/oidc/clientIDRef", "client-id")];
    let single = single.into_iter().filter_map(|(pointer, key)| Some((policy.at(pointer)?, Some(key))));
    let keys = policy.items("/spec/apiKeyAuth/credentialRefs").map(|place| (place, None));
    single.chain(keys).filter_map(|(place, key)| Some((Reference::read(place, "", "Secret")?, key)))
}

/// validateSecretRef: "secret does not exist".
pub(super) fn missing(set: &Set, sink: &mut Sink) {
    for (secret, _) in security_policies(set).flat_map(used) {
        match secret.look(set) {
            Look::Missing => sink.at(
                &secret.at_name(),
                format!("there is no {secret}: {EFFECT}"),
                "Add the Secret, in the namespace of the policy unless `namespace` and a ReferenceGrant say otherwise.",
            ),
            Look::Unknown(Some(near)) => sink.with(
                crate::lint::Severity::Warning,
                &secret.at_name(),
                format!("{secret} is not here, but `{near}` is: if it is not there either, {EFFECT}"),
                format!("Did you mean `{near}`?"),
            ),
            _ => {}
        }
    }
}

/// The entries of a Secret: key, place, and value where it can be read; `stringData` wins.
fn entries(secret: &Entry) -> Vec<(&str, Place<'_>, Option<Vec<u8>>)> {
    let map = |pointer: &str| secret.at(pointer).into_iter().flat_map(|map| map.entries()).collect::<Vec<_>>();
    let plain = map("/stringData");
    let mut all: Vec<_> = map("/data").into_iter().filter(|(key, _)| !plain.iter().any(|(other, _)| other == key)).collect();
    let first_plain = all.len();
    all.extend(plain);
    all.into_iter()
        .enumerate()
        .map(|(number, (key, place))| {
            let value = place.text().and_then(|text| {
                if number < first_plain {
                    STANDARD.decode(text.split_whitespace().collect::<String>()).ok()
                } else {
                    Some(text.as_bytes().to_vec())
                }
            });
            (key, place, value)
        })
        .collect()
}

/// buildBasicAuth, buildOIDC: the key must be there, and the password file in the one format that Envoy reads.
pub(super) fn content(set: &Set, sink: &mut Sink) {
    for (reference, key) in security_policies(set).flat_map(used) {
        let (Look::Here(secret), Some(key)) = (reference.look(set), key) else { continue };
        let entries = entries(secret);
        // an empty Secret is filled by somebody else
        let Some((_, first, _)) = entries.first() else { continue };
        let Some((_, place, value)) = entries.iter().find(|(name, ..)| *name == key) else {
            sink.at(
                first,
                format!("Envoy Gateway reads the key `{key}` of this Secret, which it does not have: {EFFECT}"),
                format!("Name the key `{key}`."),
            );
            continue;
        };
        if key == ".htpasswd"
            && let Some(why) = value.as_deref().and_then(password_fault)
        {
            sink.at(place, format!("{why}: {EFFECT}"), "Make the lines with `htpasswd -s`: `user:{SHA}` and 28 characters.");
        }
    }
}

/// validateHtpasswdFormat.
fn password_fault(file: &[u8]) -> Option<&'static str> {
    let text = std::str::from_utf8(file).ok()?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    if lines.peek().is_none() {
        return Some("the password file is empty");
    }
    lines.find_map(|line| {
        let Some((_, password)) = line.split_once(':') else { return Some("a line is not `user:password`") };
        let Some(hash) = password.strip_prefix("{SHA}") else { return Some("Envoy reads only passwords in the format {SHA}") };
        let is_sha1 = STANDARD.decode(hash).is_ok_and(|bytes| bytes.len() == 20);
        (!is_sha1).then_some("what follows {SHA} is no SHA-1 in base64")
    })
}

/// buildAPIKeyAuth: "duplicated API key". A client that is named twice counts once.
pub(super) fn key_twice(set: &Set, sink: &mut Sink) {
    for policy in security_policies(set) {
        let mut seen: Vec<(&str, Vec<u8>)> = Vec::new();
        for (reference, _) in used(policy).filter(|(_, key)| key.is_none()) {
            let Look::Here(secret) = reference.look(set) else { continue };
            for (client, place, value) in entries(secret) {
                let Some(value) = value.filter(|_| !seen.iter().any(|(name, _)| *name == client)) else { continue };
                if let Some((other, _)) = seen.iter().find(|(_, key)| *key == value) {
                    sink.at(
                        &place,
                        format!("the same key as that of `{other}`, so nobody knows who calls: {EFFECT}"),
                        "Give each client a key of its own.",
                    );
                } else {
                    seen.push((client, value));
                }
            }
        }
    }
}
