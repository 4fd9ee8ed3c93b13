//! TLS that trusts one CA, and can say what the other side showed even when it is refused.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::failure::Failure;

/// What a TLS connection trusts: the CAs of one PEM text and nothing of the machine.
#[derive(Clone, Debug)]
pub struct Tls {
    verifier: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
}

impl Tls {
    /// Trusts the certificates of a PEM text.
    ///
    /// # Errors
    /// When the text holds no certificate, or one that cannot be a CA.
    pub fn from_ca_pem(pem: &str) -> Result<Self, Failure> {
        let fail = || Failure::internal("the CA certificate of this cluster cannot be used");
        // given explicitly, since a process-wide default would depend on which library came first
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|e| fail().because(&e))?;
            roots.add(certificate).map_err(|e| fail().because(&e))?;
        }
        if roots.is_empty() {
            return Err(fail().why("the text holds no PEM certificate"));
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        Ok(Self { verifier: verifier.build().map_err(|e| fail().because(&e))?, provider })
    }

    /// A configuration for one connection, and where the certificate that it is shown will be.
    pub(super) fn client(&self) -> Result<(Arc<ClientConfig>, Arc<OnceLock<Certificate>>), rustls::Error> {
        let shown = Arc::new(OnceLock::new());
        let recording = Recording { inner: Arc::clone(&self.verifier), shown: Arc::clone(&shown) };
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous() // named so since verifiers can be wrong; ours only listens to the ordinary one
            .with_custom_certificate_verifier(Arc::new(recording))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok((Arc::new(config), shown))
    }
}

/// What a leaf certificate says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// The subject: `CN=localhost`.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// DNS names and IP addresses of the subject's alternative names.
    pub names: Vec<String>,
    /// When its life begins, for people.
    pub not_before: String,
    /// When its life ends, for people.
    pub not_after: String,
}

impl Certificate {
    /// Reads a DER certificate; what cannot be read stays empty, since it is evidence and not a decision.
    fn read(der: &[u8]) -> Self {
        let Ok((_, certificate)) = X509Certificate::from_der(der) else { return Self::default() };
        let names = certificate.subject_alternative_name().ok().flatten().map(|extension| &extension.value.general_names);
        Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: names.into_iter().flatten().filter_map(name).collect(),
            not_before: certificate.validity().not_before.to_string(),
            not_after: certificate.validity().not_after.to_string(),
        }
    }
}

impl std::fmt::Display for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = if self.names.is_empty() { "no names".to_owned() } else { self.names.join(", ") };
        write!(f, "subject {}, names {names}, signed by {}, ", self.subject, self.issuer)?;
        write!(f, "valid from {} to {}", self.not_before, self.not_after)
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(dns) => Some((*dns).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|b| IpAddr::from(b).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|b| IpAddr::from(b).to_string()),
        },
        _ => None,
    }
}

/// Notes what the server shows, then lets the ordinary verifier decide.
#[derive(Debug)]
struct Recording {
    inner: Arc<WebPkiServerVerifier>,
    shown: Arc<OnceLock<Certificate>>,
}

impl ServerCertVerifier for Recording {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // only the first of a connection: it has no other
        let _ = self.shown.set(Certificate::read(end_entity));
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
