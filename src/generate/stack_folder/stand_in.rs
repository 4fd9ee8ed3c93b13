//! Objects that stand in for what only a real installation has: Secrets with one client to try it out with, keys of nobody.

use super::Document;
use crate::spec::{Auth, Keys, ServiceSpec};
use crate::yaml::Map;

/// The one client, and its password and key.
const CLIENT: &str = "demo";
const KEY: &str = "demo-key";
/// `demo` with the password `demo`, as `htpasswd -s` writes it, and as a client sends it.
const HTPASSWD: &str = "demo:{SHA}ieSV55Qc+eQOaYDRSha/AjzNTJE=\n";
const AUTHORIZATION: &str = "Basic ZGVtbzpkZW1v";
/// A public key whose private one was thrown away: it is good for refusing tokens.
const JWKS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"nobody","x":"V9yQxWz0VxH51NzoTiM2znhRoP3tMDNCgu4uMoAaYwk","y":"US-QwB3BT_Aztf6SgDyEZnA7841AOZ9emEp3bIT94g8"}]}"#;

pub(super) fn objects(spec: &ServiceSpec) -> Vec<Document> {
    let of = |kind: &str, name: &str, key: &str, (entry, value): (&str, &str), head: &str| {
        let mut data = Map::new();
        data.put(entry, value);
        let mut document = Document::new(spec, "20-workload.yaml", ("v1", kind), name, head);
        document.body.put(key, data);
        document
    };
    match &spec.auth {
        Some(Auth::Basic { secret, .. }) => {
            let head = "Stands in for the real users: demo with the password demo, for this machine alone.";
            vec![of("Secret", secret, "stringData", (".htpasswd", HTPASSWD), head)]
        }
        Some(Auth::ApiKey(key)) => {
            vec![of(
                "Secret",
                &key.secret,
                "stringData",
                (CLIENT, KEY),
                "Stands in for the real keys: one of a client demo, for this machine alone.",
            )]
        }
        Some(Auth::Jwt(jwt)) => match &jwt.keys {
            Keys::ConfigMap(name) => {
                let head = "Stands in for the issuer's keys: its private part is thrown away, so every token is refused.";
                vec![of("ConfigMap", name, "data", ("jwks", JWKS), head)]
            }
            Keys::Uri(_) => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The header with which the one client calls.
pub(super) fn credential(auth: &Auth) -> Option<(String, String)> {
    match auth {
        Auth::Basic { .. } => Some(("authorization".into(), AUTHORIZATION.into())),
        Auth::ApiKey(key) => Some((key.header.clone(), KEY.into())),
        _ => None,
    }
}
