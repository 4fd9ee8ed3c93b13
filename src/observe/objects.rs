//! What of the stack is in the cluster, and whether it is ready.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use crate::certs::{Authority, still_good};
use crate::failure::Failure;
use crate::plan::{DIGEST_ANNOTATION, OWNER_LABEL, ObjectFact, Observed, ReleaseFact, object_digest, secrets_digest};
use crate::platform::Platform;
use crate::ready::{Readiness, judge};
use crate::stack::{CertificateFile, CertificateIssuer, Component, ComponentKind, ObjectId, Stack, certificate_objects, secret_objects};
use crate::world::clock;
use crate::world::kube::{Cluster, Release};

/// Fills in the Helm releases that the stack wants.
pub(super) async fn releases(cluster: &Cluster, stack: &Stack, observed: &mut Observed) -> Result<(), Failure> {
    let wanted = |release: &Release| {
        stack.components.iter().any(|component| {
            matches!(&component.kind, ComponentKind::Helm(chart) if chart.namespace == release.namespace && chart.release == release.name)
        })
    };
    let found: Vec<Release> = cluster.releases().await?.into_iter().filter(wanted).collect();
    let ids: Vec<ObjectId> = found.iter().flat_map(|release| release.manifest.clone()).collect();
    let seen = look(&Platform::Cluster(cluster.clone()), ids).await?;
    for release in found {
        let unready = first_unready(&release.manifest, &seen);
        let digest = release.description.strip_prefix("tstack ").map(str::to_owned);
        let fact = ReleaseFact { status: release.status, chart_version: release.chart_version, digest, unready };
        observed.releases.insert((release.namespace, release.name), fact);
    }
    Ok(())
}

/// Fills in the objects that the stack wants on the cluster that the user calls `name`, whose local CA is `authority`.
pub(super) async fn objects(
    platform: &Platform,
    stack: &Stack,
    name: &str,
    authority: Option<&Authority>,
    observed: &mut Observed,
) -> Result<(), Failure> {
    let now = clock::now();
    let wanted: Vec<ObjectId> = stack.components.iter().flat_map(|component| component.kind.object_ids()).collect();
    let found = platform.get_all(&wanted).await?;
    for (id, found) in wanted.into_iter().zip(found) {
        if let Some(object) = found {
            let noted = object["metadata"]["annotations"][DIGEST_ANNOTATION].as_str().map(str::to_owned);
            let foreign = object["metadata"]["labels"][OWNER_LABEL].as_str() != Some(name);
            let digest = if foreign { usable(stack, &id).or(noted) } else { noted };
            let unready = reason(&id, &object);
            let issued = issued(stack, &id).zip(authority).filter(|_| !foreign);
            if let Some(why) = issued.and_then(|(wanted, authority)| outdated(wanted, &object, authority, now)) {
                observed.outdated.insert(id.clone(), why);
            }
            observed.objects.insert(id, ObjectFact { digest, unready });
        }
    }
    Ok(())
}

/// How a component is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// All of its objects are ready.
    Ready,
    /// One is not, for this reason.
    Unready(String),
    /// Its release, or every one of its objects, is not there.
    Absent,
}

/// How each component of the stack is, in the stack's order.
///
/// # Errors
/// When the API server does not answer.
pub async fn components(platform: &Platform, stack: &Stack) -> Result<Vec<Seen>, Failure> {
    let releases = match platform {
        Platform::Cluster(cluster) => cluster.releases().await?,
        Platform::Host(_) => Vec::new(),
    };
    let objects = made_of(stack, &releases);
    let seen = look(platform, objects.iter().flatten().flatten().cloned().collect()).await?;
    Ok(objects
        .into_iter()
        .map(|ids| match ids {
            Some(ids) if ids.is_empty() || ids.iter().any(|id| seen.contains_key(id)) => {
                first_unready(&ids, &seen).map_or(Seen::Ready, Seen::Unready)
            }
            _ => Seen::Absent,
        })
        .collect())
}

/// The objects of each component on a cluster, in the stack's order; none of a release that is not there.
///
/// # Errors
/// When the API server does not answer.
pub async fn objects_of(cluster: &Cluster, stack: &Stack) -> Result<Vec<Vec<ObjectId>>, Failure> {
    let releases = cluster.releases().await?;
    Ok(made_of(stack, &releases).into_iter().map(Option::unwrap_or_default).collect())
}

/// `None` where the release of a chart is not there.
fn made_of(stack: &Stack, releases: &[Release]) -> Vec<Option<Vec<ObjectId>>> {
    let of = |component: &Component| match &component.kind {
        ComponentKind::Helm(chart) => {
            releases.iter().find(|r| r.namespace == chart.namespace && r.name == chart.release).map(|r| r.manifest.clone())
        }
        kind => Some(kind.object_ids()),
    };
    stack.components.iter().map(of).collect()
}

/// The digest that the stack wants, for what is used as it is where somebody else has made it: a namespace, and a Secret that a program
/// would make itself.
fn usable(stack: &Stack, id: &ObjectId) -> Option<String> {
    stack.components.iter().find_map(|component| match &component.kind {
        ComponentKind::Manifests(objects) if id.kind == "Namespace" => {
            objects.iter().find(|object| object.id == *id).map(|object| object_digest(&object.value))
        }
        ComponentKind::Secrets(secrets) => secret_objects(secrets).contains(id).then(|| secrets_digest(secrets)),
        _ => None,
    })
}

/// The certificate that the stack wants in a Secret, where tstack itself issues it; cert-manager renews its own.
fn issued<'a>(stack: &'a Stack, id: &ObjectId) -> Option<&'a CertificateFile> {
    stack.components.iter().find_map(|component| match &component.kind {
        ComponentKind::Certificate(wanted) if wanted.issuer == CertificateIssuer::Tstack => {
            certificate_objects(wanted).contains(id).then_some(wanted)
        }
        _ => None,
    })
}

/// Why the certificate in a Secret must be issued anew, `None` where it can stay.
fn outdated(wanted: &CertificateFile, secret: &Value, authority: &Authority, now: Timestamp) -> Option<String> {
    let bytes = secret["data"]["tls.crt"].as_str().and_then(|text| STANDARD.decode(text).ok());
    let pem = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    still_good(&pem, wanted, authority, now).err().map(|why| why.to_string())
}

async fn look(platform: &Platform, ids: Vec<ObjectId>) -> Result<BTreeMap<ObjectId, Value>, Failure> {
    let found = platform.get_all(&ids).await?;
    Ok(ids.into_iter().zip(found).filter_map(|(id, found)| Some((id, found?))).collect())
}

fn first_unready(ids: &[ObjectId], seen: &BTreeMap<ObjectId, Value>) -> Option<String> {
    ids.iter().find_map(|id| match seen.get(id) {
        None => Some(format!("{id} is not there")),
        Some(object) => reason(id, object),
    })
}

fn reason(id: &ObjectId, object: &Value) -> Option<String> {
    match judge(object) {
        Readiness::Ready => None,
        Readiness::Waiting(reason) | Readiness::Failed(reason) => Some(format!("{id}: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_certificate_that_nears_its_end_is_outdated_and_says_when_it_ends() {
        let made = at("2026-01-01T00:00:00Z");
        let wanted = CertificateFile {
            namespace: "task-api".into(),
            secret: "task-api-tls".into(),
            common_name: "localhost".into(),
            dns_names: vec!["localhost".into()],
            ip_addresses: vec![],
            issuer: CertificateIssuer::Tstack,
        };
        let authority = Authority::generate("ca", made, 3650).unwrap();
        let secret = &certs::objects(&wanted, &authority, None, made).unwrap()[0].value;
        let judged = |wanted: &CertificateFile, secret: &Value, now: &str| outdated(wanted, secret, &authority, at(now));
        assert_eq!(judged(&wanted, secret, "2026-03-01T00:00:00Z"), None);
        let told = judged(&wanted, secret, "2026-12-20T00:00:00Z");
        assert_eq!(told.as_deref(), Some("it expires in 12 days, on 2027-01-01T00:00:00Z"));
        assert!(judged(&wanted, secret, "2027-02-01T00:00:00Z").unwrap().starts_with("it expired on 2027-01-01"));
        let more = CertificateFile { dns_names: vec!["localhost".into(), "api.localhost".into()], ..wanted.clone() };
        assert_eq!(judged(&more, secret, "2026-03-01T00:00:00Z").as_deref(), Some("it is not for api.localhost"));
        // somebody has emptied it
        assert!(judged(&wanted, &Value::Null, "2026-03-01T00:00:00Z").unwrap().starts_with("it cannot be read"));
    }
}
