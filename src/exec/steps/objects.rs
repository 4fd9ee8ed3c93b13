//! Objects: applied server-side with our field manager, deleted in reverse.

use tokio::time::Instant;

use crate::certs::{self, Authority};
use crate::exec::{Context, Signals};
use crate::failure::Failure;
use crate::plan::{DIGEST_ANNOTATION, Made, OWNER_LABEL, certificate_digest, object_digest, secrets_digest};
use crate::platform::Platform;
use crate::stack::{ComponentKind, Object, ObjectId};
use crate::world::{clock, files};

/// Ten years: the CA lives as long as its cluster at most.
const AUTHORITY_DAYS: u32 = 3650;

pub(super) fn create_authority(context: &Context) -> Result<(), Failure> {
    let name = format!("tstack local CA ({})", context.folder.name());
    let components = context.stack.iter().flat_map(|stack| &stack.components);
    let names = components.filter_map(|component| match &component.kind {
        ComponentKind::Certificate(wanted) => Some(wanted.dns_names.iter().chain(&wanted.ip_addresses)),
        _ => None,
    });
    let names: Vec<String> = names.flatten().cloned().collect();
    let authority = Authority::generate_for(&name, &names, clock::now(), AUTHORITY_DAYS)?;
    let (certificate, key) = (context.folder.authority_certificate(), context.folder.authority_key());
    if let Some(before) = files::read_if_there(&certificate)? {
        // whoever trusts it needs it once more, to stop
        files::write_private(&certificate.with_extension("crt.old"), &before)?;
    }
    // the key first: a certificate without its key would look usable
    files::write_private_together(&[(&key, authority.key_pem().reveal().as_bytes()), (&certificate, authority.cert_pem().as_bytes())])
}

pub(super) async fn apply(context: &Context, component: &str, deadline: Instant, signals: &Signals) -> Result<(), Failure> {
    let found = context.component(component)?;
    let objects = match &found.kind {
        ComponentKind::Manifests(objects) => {
            objects.iter().map(|object| marked(context, object, &object_digest(&object.value))).collect::<Vec<_>>()
        }
        ComponentKind::Certificate(wanted) => {
            let authority = crate::observe::authority(&context.folder)?.ok_or_else(|| Failure::internal("the local CA is not there"))?;
            let digest = certificate_digest(wanted, &authority.fingerprint());
            certs::objects(wanted, &authority, None, clock::now())?.iter().map(|object| marked(context, object, &digest)).collect()
        }
        ComponentKind::Secrets(wanted) => {
            let digest = secrets_digest(wanted);
            signals.waiting("making keys");
            // an RSA key is a second's work, in which everything else would stand still
            let order = wanted.clone();
            let made = tokio::task::spawn_blocking(move || certs::minted(&order, clock::now()));
            let made = made.await.map_err(|e| Failure::internal("the keys could not be made").because(&e))??;
            // processes of this machine have no namespaces
            if let Platform::Cluster(_) = context.platform().await? {
                super::ensure_namespace(context, &wanted.namespace).await?;
            }
            made.iter().map(|object| marked(context, object, &digest)).collect()
        }
        _ => return Err(Failure::internal(format!("component `{component}` has no objects"))),
    };
    let platform = context.platform().await?;
    let mine = claim(context, platform, component, objects).await?;
    if !mine.is_empty() {
        let ids = mine.iter().map(|object| object.id.clone()).collect();
        context.note(|record| record.add(Made::Objects { component: component.to_owned(), ids }))?;
    }
    platform.apply_all(component, &mine, deadline, &|reason| signals.waiting(reason)).await
}

pub(super) async fn delete(context: &Context, ids: &[ObjectId], deadline: Instant, signals: &Signals) -> Result<(), Failure> {
    context.platform().await?.delete_all(ids, deadline, &|reason| signals.waiting(reason)).await
}

/// Which of the objects are ours to make. One that is there without our label is somebody's: a namespace is then shared and
/// stays as it is (with our label on it, a later `down` would take it for ours), anything else is refused before it is touched.
async fn claim(context: &Context, platform: &Platform, component: &str, objects: Vec<Object>) -> Result<Vec<Object>, Failure> {
    let ids: Vec<ObjectId> = objects.iter().map(|object| object.id.clone()).collect();
    let there = platform.get_all(&ids).await?;
    let mut mine = Vec::new();
    for (object, there) in objects.into_iter().zip(there) {
        let label = |found: &serde_json::Value| found["metadata"]["labels"][OWNER_LABEL].as_str() == Some(context.folder.name());
        match there {
            None => mine.push(object),
            Some(found) if label(&found) => mine.push(object),
            Some(_) if object.id.kind == "Namespace" => {}
            Some(_) => {
                return Err(Failure::step(format!("{} is there already, and not made by this stack", object.id))
                    .why(format!(
                        "component `{component}` wants to make it, but it does not carry the label {OWNER_LABEL}={}",
                        context.folder.name()
                    ))
                    .hint("Rename or delete one of the two; nothing of it was changed."));
            }
        }
    }
    Ok(mine)
}

/// The object with our label, and with the digest by which the next run knows that it is as wanted.
fn marked(context: &Context, object: &Object, digest: &str) -> Object {
    let mut object = object.clone();
    object.value["metadata"]["labels"][OWNER_LABEL] = context.folder.name().into();
    object.value["metadata"]["annotations"][DIGEST_ANNOTATION] = digest.into();
    object
}
