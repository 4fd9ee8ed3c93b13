//! `certs`: the local CA and what it signs; and whether this system trusts it.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::session::{Session, Setup, Wanted};
use crate::certs::{Described, described};
use crate::failure::Failure;
use crate::observe;
use crate::stack::{CertificateFile, CertificateIssuer, ComponentKind, ObjectId, Stack};
use crate::state::{Lock, Record, StateFolder};
use crate::status::{AuthorityStatus, CertificateStatus, Certificates, LeafStatus};
use crate::world::trust::{Removed, Store, Trusted};

/// What `certs trust` or `certs untrust` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustReport {
    /// The system trusts it now, by this file.
    Trusted(PathBuf),
    /// It did before.
    TrustedAlready(PathBuf),
    /// It no longer does; these files went.
    Untrusted(Vec<PathBuf>),
    /// These files hold something else by now, and stay.
    Changed(Vec<PathBuf>),
}

/// The certificates of a stack. `stack` is what `up` was given; without it only the CA is told.
///
/// # Errors
/// When the cluster of that name is somebody else's, or a state file cannot be read.
pub async fn certificates(setup: &Setup, name: &str, stack: Option<&Stack>) -> Result<Certificates, Failure> {
    let folder = StateFolder::new(&setup.state, name);
    let authority = match observe::authority(&folder)? {
        None => None,
        Some(authority) => described(authority.cert_pem()).map(|found| (found, authority.bounds(), authority.cert_pem().to_owned())),
    };
    let authority = match authority {
        None => None,
        Some((found, signs_for, pem)) => Some(AuthorityStatus {
            certificate: status_of(found),
            file: folder.authority_certificate().display().to_string(),
            signs_for,
            trusted: trusted_as(setup, name, &pem)?.map(|path| path.display().to_string()),
        }),
    };
    let wanted: Vec<(&str, &CertificateFile)> = stack
        .iter()
        .flat_map(|stack| &stack.components)
        .filter_map(|component| match &component.kind {
            ComponentKind::Certificate(wanted) => Some((component.name.as_str(), wanted)),
            _ => None,
        })
        .collect();
    let secrets = if wanted.is_empty() { Vec::new() } else { secrets(setup, name, &wanted).await? };
    let leaves = wanted.iter().zip(secrets).map(|((component, wanted), secret)| leaf(component, wanted, secret)).collect();
    Ok(Certificates { name: name.to_owned(), authority, leaves })
}

/// The Secrets that hold certificates, each with why it cannot be read where it cannot.
async fn secrets(setup: &Setup, name: &str, wanted: &[(&str, &CertificateFile)]) -> Result<Vec<Result<Value, String>>, Failure> {
    let mut session = Session::begin(setup, name, &Wanted::Own, None).await?;
    let all = |why: &str| vec![Err(why.to_owned()); wanted.len()];
    if let Err(failure) = session.look().await {
        return Ok(all(&Failure::from(failure).what));
    }
    let Some(platform) = session.sight.platform() else { return Ok(all("it does not run")) };
    let ids: Vec<ObjectId> = wanted.iter().map(|(_, wanted)| ObjectId::new("v1", "Secret", &wanted.namespace, &wanted.secret)).collect();
    match platform.get_all(&ids).await {
        Ok(found) => Ok(found.into_iter().map(|secret| secret.ok_or_else(|| "it is not there".to_owned())).collect()),
        Err(failure) => Ok(all(&failure.what)),
    }
}

fn leaf(component: &str, wanted: &CertificateFile, secret: Result<Value, String>) -> LeafStatus {
    let read = secret.and_then(|secret| {
        let bytes = secret["data"]["tls.crt"].as_str().and_then(|text| STANDARD.decode(text).ok());
        let pem = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        pem.and_then(|pem| described(&pem)).ok_or_else(|| "its Secret holds no certificate".to_owned())
    });
    let issuer = match wanted.issuer {
        CertificateIssuer::CertManager => "cert-manager",
        CertificateIssuer::Tstack => "tstack",
    };
    let (certificate, reason) = match read {
        Ok(found) => (Some(status_of(found)), None),
        Err(why) => (None, Some(why)),
    };
    let secret = format!("{}/{}", wanted.namespace, wanted.secret);
    LeafStatus { component: component.to_owned(), secret, issuer: issuer.to_owned(), certificate, reason }
}

fn status_of(found: Described) -> CertificateStatus {
    let Described { subject, names, fingerprint, from, until } = found;
    CertificateStatus { subject, names, fingerprint, not_before: from, not_after: until }
}

/// The file in the system's trust store that holds the certificate.
fn trusted_as(setup: &Setup, name: &str, pem: &str) -> Result<Option<PathBuf>, Failure> {
    let Ok(store) = Store::find(&setup.root, &setup.path) else { return Ok(None) };
    let trusted = Trusted::new(store.anchor(name), pem);
    Ok((trusted.is_there()? == Some(true)).then_some(trusted.anchor))
}

/// Puts the local CA into the system's trust store. What is put there is recorded first, so that `down` takes it back in every case.
///
/// # Errors
/// Where there is no CA yet, this system has no store that is known, or it may not be changed by this user: then with the commands for it.
pub async fn trust(setup: &Setup, name: &str, cancel: &CancellationToken) -> Result<TrustReport, Failure> {
    let (folder, mut record, _lock) = hold(setup, name, "certs trust")?;
    let authority = observe::authority(&folder)?.ok_or_else(|| {
        Failure::preflight(format!("`{name}` has no local CA")).hint("`tstack up` makes it where the stack has certificates.")
    })?;
    let store = Store::find(&setup.root, &setup.path)?;
    let trusted = Trusted::new(store.anchor(name), authority.cert_pem());
    let before = record.trusted.iter().find(|one| one.anchor == trusted.anchor).cloned();
    match trusted.is_there()? {
        // it may have been put there by hand, as we said
        Some(true) if before.as_ref() == Some(&trusted) => return Ok(TrustReport::TrustedAlready(trusted.anchor)),
        // of a CA before, which we put there
        Some(false) if before.as_ref().is_some_and(|before| before.is_there().is_ok_and(|same| same == Some(true))) => {}
        Some(false) => {
            return Err(Failure::preflight(format!("{} is there already, and not by tstack", trusted.anchor.display()))
                .hint("Look at it, and remove it where nobody needs it; nothing was changed."));
        }
        Some(true) | None => {}
    }
    record.trusted.retain(|one| one.anchor != trusted.anchor);
    record.trusted.push(trusted.clone());
    record.write(&folder)?;
    store.add(&trusted.anchor, &folder.authority_certificate(), cancel).await?;
    Ok(TrustReport::Trusted(trusted.anchor))
}

/// Takes the local CA out of the system's trust store.
///
/// # Errors
/// Where the store may not be changed by this user: with the commands for it.
pub async fn untrust(setup: &Setup, name: &str, cancel: &CancellationToken) -> Result<TrustReport, Failure> {
    let (folder, mut record, _lock) = hold(setup, name, "certs untrust")?;
    let (mut gone, mut changed) = (Vec::new(), Vec::new());
    for trusted in record.trusted.clone() {
        let there = trusted.is_there()?.is_some();
        let removed = if there { Store::of(&trusted.anchor, &setup.path)?.remove(&trusted, cancel).await? } else { Removed::Gone };
        record.trusted.retain(|one| *one != trusted);
        record.write(&folder)?;
        match removed {
            Removed::Gone if there => gone.push(trusted.anchor),
            Removed::Gone => {}
            Removed::Changed => changed.push(trusted.anchor),
        }
    }
    Ok(if changed.is_empty() { TrustReport::Untrusted(gone) } else { TrustReport::Changed(changed) })
}

/// The folder and record of a cluster, with its lock.
fn hold(setup: &Setup, name: &str, verb: &str) -> Result<(StateFolder, Record, Lock), Failure> {
    let folder = StateFolder::new(&setup.state, name);
    let lock = Lock::take(&folder, verb)?;
    let record = Record::read(&folder)?;
    let record =
        record.ok_or_else(|| Failure::preflight(format!("`{name}` is not up")).hint(format!("`tstack up --name {name}` brings it up.")))?;
    Ok((folder, record, lock))
}
