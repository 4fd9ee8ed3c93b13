//! cert-manager.
//!
//! Final are a Certificate whose last issuing failed or was denied (cert-manager waits an hour before it tries again) and an issuer
//! whose CA is no CA (`ErrInvalidKeyPair`). Waiting is every other `False`: the Secret, the issuer or the account may still come.

use serde_json::Value;

use super::Readiness;
use super::condition::{condition, must_be_true};

/// The certificate is in its Secret and valid.
pub(super) fn certificate(object: &Value) -> Readiness {
    let ready = must_be_true(condition(object, "Ready"), "Ready", |_| false);
    if ready == Readiness::Ready {
        return ready;
    }
    match condition(object, "Issuing") {
        Some(issuing) if issuing.is_false() && !issuing.is_stale() && matches!(issuing.reason(), "Failed" | "Denied") => {
            Readiness::Failed(issuing.explain())
        }
        _ => ready,
    }
}

/// The issuer can sign.
pub(super) fn issuer(object: &Value) -> Readiness {
    must_be_true(condition(object, "Ready"), "Ready", |c| c.reason() == "ErrInvalidKeyPair")
}
