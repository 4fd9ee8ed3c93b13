//! What the data of a TLS Secret says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::lint::entry::Entry;
use crate::lint::place::Place;

/// A value of a Secret as text, and where it is written; `stringData` counts before `data`. `None` where it is not there or no Base64.
pub(super) fn value<'a>(secret: &'a Entry, key: &str) -> Option<(Place<'a>, String)> {
    if let Some(place) = secret.at("/stringData").and_then(|data| data.get(key)) {
        let text = place.text()?.to_owned();
        return Some((place, text));
    }
    let place = secret.at("/data")?.get(key)?;
    let bytes = STANDARD.decode(place.text()?.split_whitespace().collect::<String>()).ok()?;
    Some((place, String::from_utf8_lossy(&bytes).into_owned()))
}

/// What is used of a certificate.
#[derive(Debug)]
pub(super) struct Facts {
    /// The names it is for.
    pub(super) names: Vec<String>,
    /// From when on it is valid, in seconds since 1970.
    pub(super) begins: i64,
    /// Until when.
    pub(super) ends: i64,
    /// Its public key.
    key: Vec<u8>,
}

impl Facts {
    /// The first certificate of a PEM text, which is the server's own.
    pub(super) fn read(pem: &str) -> Result<Self, &'static str> {
        let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).map_err(|_| "it is no PEM text")?;
        if block.label != "CERTIFICATE" {
            return Err("its first PEM block is no certificate");
        }
        let (_, certificate) = X509Certificate::from_der(&block.contents).map_err(|_| "its certificate cannot be read")?;
        let names = certificate.subject_alternative_name().ok().flatten().map_or_else(Vec::new, |extension| {
            let name = |name: &GeneralName<'_>| if let GeneralName::DNSName(name) = name { Some(name.to_lowercase()) } else { None };
            extension.value.general_names.iter().filter_map(name).collect()
        });
        Ok(Self {
            names,
            begins: certificate.validity().not_before.timestamp(),
            ends: certificate.validity().not_after.timestamp(),
            key: certificate.public_key().subject_public_key.data.to_vec(),
        })
    }

    /// Whether a private key is of this certificate; `None` where the key is of a form that is not read here.
    pub(super) fn fits(&self, key: &str) -> Option<bool> {
        let pair = rcgen::KeyPair::from_pem(key).ok()?;
        Some(rcgen::PublicKeyData::der_bytes(&pair) == self.key)
    }
}

/// Whether one of the names of a certificate is good for a host: `*` stands for one label, and only for the first.
pub(super) fn names_host<'a>(names: impl IntoIterator<Item = &'a str>, host: &str) -> bool {
    names.into_iter().any(|name| {
        let name = name.to_lowercase();
        name == host
            || name
                .strip_prefix("*.")
                .is_some_and(|rest| host.split_once('.').is_some_and(|(first, parent)| !first.is_empty() && parent == rest))
    })
}

#[cfg(test)]
mod tests {
    use super::names_host;

    #[test]
    fn a_star_in_a_certificate_stands_for_one_label() {
        assert!(names_host(["*.example.com"], "shop.example.com") && names_host(["*.example.com"], "*.example.com"));
        assert!(!names_host(["*.example.com"], "a.shop.example.com") && !names_host(["*.example.com"], "example.com"));
        assert!(names_host(["Shop.example.com"], "shop.example.com") && !names_host([], "shop.example.com"));
    }
}
