//! The content of one image's repository: manifests and blobs, each checked by its digest.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::client::{self, Answer};
use super::{MOST, Mirror, excerpt, is_loopback_with_port};
use crate::stack::ImageRef;

/// Every kind of manifest and of list of manifests.
pub(in crate::world) const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// How many redirects are followed: registries send blobs to their storage by one.
const REDIRECTS: usize = 5;

/// A piece of content by its digest, as manifests list it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::world) struct Descriptor {
    pub(in crate::world) media_type: String,
    pub(in crate::world) digest: String,
    pub(in crate::world) size: u64,
    pub(in crate::world) platform: Option<Platform>,
}

/// What a manifest of a list is for.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::world) struct Platform {
    pub(in crate::world) os: String,
    pub(in crate::world) architecture: String,
}

/// Where the content of an image is fetched: its registry, or the mirror that is set for it. Nobody is logged in.
pub(in crate::world) struct Repository {
    /// `https://registry-1.docker.io`
    origin: String,
    /// The path there.
    path: String,
    /// The name for people: `docker.io/envoyproxy/envoy`, or the mirror's.
    name: String,
    token: Option<String>,
}

/// Scheme and host of the registry of an image, or of the mirror.
pub(super) fn origin(image: &ImageRef, mirror: Option<&Mirror>) -> String {
    match mirror {
        Some(mirror) => format!("{}://{}", if mirror.plain_http { "http" } else { "https" }, mirror.host),
        // the name that people write is not the registry's host
        None if image.registry == "docker.io" => "https://registry-1.docker.io".to_owned(),
        None if is_loopback_with_port(&image.registry) => format!("http://{}", image.registry),
        None => format!("https://{}", image.registry),
    }
}

impl Repository {
    pub(in crate::world) fn of(image: &ImageRef, mirror: Option<&Mirror>) -> Self {
        let there = mirror.map_or_else(|| image.clone(), |mirror| mirror.image(image));
        Self { origin: origin(image, mirror), name: there.name(), path: there.path, token: None }
    }

    /// The name for people, `127.0.0.1:5000/envoyproxy/envoy`.
    pub(in crate::world) fn name(&self) -> &str {
        &self.name
    }

    /// The manifest of a tag or digest with its own digest; `None` when the registry does not have it.
    ///
    /// # Errors
    /// When it cannot be had, or is not what was asked for.
    pub(in crate::world) async fn manifest(&mut self, reference: &str) -> Result<Option<(String, Bytes)>, String> {
        let answer = self.get(&format!("manifests/{reference}"), MANIFESTS).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = self.good(answer).await?;
        let body = answer.bytes(MOST).await.map_err(|why| format!("the manifest of {} cannot be had: {why}", self.name))?;
        let digest = format!("sha256:{}", hex(&Sha256::digest(&body)));
        if reference.contains(':') && reference != digest {
            return Err(format!("{} gave content with the digest {digest} for {reference}", self.name));
        }
        Ok(Some((digest, body)))
    }

    /// Writes a blob, of which size and digest are checked as it comes. `to` may hold a part of it after an error.
    ///
    /// # Errors
    /// When it cannot be had, is cut off, or is not what was asked for.
    pub(in crate::world) async fn blob(
        &mut self,
        blob: &Descriptor,
        to: &mut fs_err::File,
        on_bytes: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), String> {
        let answer = self.get(&format!("blobs/{}", blob.digest), "*/*").await?;
        let mut answer = self.good(answer).await?;
        let (mut sum, mut come, mut pace) = (Sha256::new(), 0_u64, Pace::new());
        while let Some(piece) = answer.piece().await.map_err(|why| format!("{} broke off after {come} bytes: {why}", self.name))? {
            come += piece.len() as u64;
            if come > blob.size {
                return Err(format!("{} gave more than the {} bytes of {}", self.name, blob.size, blob.digest));
            }
            sum.update(&piece);
            pace.takes(come).map_err(|why| format!("{} sent {why} of {}, too slow to go on", self.name, blob.digest))?;
            to.write_all(&piece).map_err(|e| e.to_string())?;
            on_bytes(come);
        }
        if come < blob.size {
            return Err(format!("{} ended after {come} of the {} bytes of {}", self.name, blob.size, blob.digest));
        }
        let digest = format!("sha256:{}", hex(&sum.finalize()));
        if digest != blob.digest {
            return Err(format!("{} gave content with the digest {digest} for {}", self.name, blob.digest));
        }
        Ok(())
    }

    /// Asks, with a token where one is wanted, and goes where it is sent.
    async fn get(&mut self, what: &str, accept: &str) -> Result<Answer, String> {
        let first = format!("{}/v2/{}/{what}", self.origin, self.path);
        let (mut url, mut redirects, mut asked) = (first.clone(), 0, false);
        loop {
            // a token is for the registry alone, not for the storage that it sends us to
            let token = self.token.as_deref().filter(|_| url.starts_with(&format!("{}/", self.origin)));
            let answer =
                client::send(Method::GET, &url, accept, token).await.map_err(|why| format!("{} does not answer: {why}", self.name))?;
            if answer.status == StatusCode::UNAUTHORIZED && !asked && url == first {
                asked = true;
                self.token = Some(self.fetch_token(&answer).await?);
            } else if answer.status.is_redirection() {
                redirects += 1;
                let location = answer.header(header::LOCATION.as_str()).unwrap_or_default();
                let next = next(&url, location).ok_or_else(|| format!("{} sends us to `{location}`, where we do not go", self.name))?;
                if redirects > REDIRECTS {
                    return Err(format!("{} sends us from one place to the next without an end", self.name));
                }
                url = next;
            } else {
                return Ok(answer);
            }
        }
    }

    /// A token for anybody, from where the answer says (the token authentication of the distribution project).
    async fn fetch_token(&self, answer: &Answer) -> Result<String, String> {
        #[derive(Deserialize)]
        struct Answered {
            #[serde(alias = "access_token")]
            token: String,
        }
        let login = || format!("{} wants a login, and tstack has none", self.name);
        let wish = answer.header(header::WWW_AUTHENTICATE.as_str()).and_then(|value| value.strip_prefix("Bearer ")).ok_or_else(login)?;
        let realm = field(wish, "realm").filter(|realm| may_go(&self.origin, realm)).ok_or_else(login)?;
        let scope = encoded(&format!("repository:{}:pull", self.path));
        let service = field(wish, "service").map_or_else(String::new, |service| format!("&service={}", encoded(service)));
        let url = format!("{realm}{}scope={scope}{service}", if realm.contains('?') { '&' } else { '?' });
        let given =
            client::send(Method::GET, &url, "application/json", None).await.map_err(|why| format!("{realm} does not answer: {why}"))?;
        let given = self.good(given).await?.bytes(MOST).await?;
        serde_json::from_slice::<Answered>(&given).map(|answered| answered.token).map_err(|_| format!("{realm} gave no token"))
    }

    /// The answer, if it is one with content.
    async fn good(&self, answer: Answer) -> Result<Answer, String> {
        let name = &self.name;
        match answer.status {
            StatusCode::OK => Ok(answer),
            StatusCode::TOO_MANY_REQUESTS => {
                let after =
                    answer.header(header::RETRY_AFTER.as_str()).map_or_else(String::new, |after| format!(", try again after {after} s"));
                Err(format!("the limit of {name} is reached (429 Too Many Requests{after})"))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(format!("{name} refuses, or does not have it ({})", answer.status)),
            StatusCode::NOT_FOUND => Err(format!("{name} does not have what its own manifest lists (404 Not Found)")),
            status => {
                let said = answer.bytes(MOST).await.unwrap_or_default();
                Err(format!("{name} answered with {status}{}", excerpt(&said)))
            }
        }
    }
}

/// Holds a transfer to a least speed: one byte every half minute is no silence, and has no end.
struct Pace {
    since: Instant,
    /// The bytes that had come by then.
    come: u64,
}

impl Pace {
    /// How long each stretch is that is looked at, and the bytes that must come in a second of it.
    const STRETCH: Duration = Duration::from_mins(2);
    const LEAST: u64 = 4096;

    fn new() -> Self {
        Self { since: Instant::now(), come: 0 }
    }

    /// So many bytes have come in all.
    ///
    /// # Errors
    /// When the last stretch was too slow: how much came in how long.
    fn takes(&mut self, come: u64) -> Result<(), String> {
        let (took, new) = (self.since.elapsed(), come - self.come);
        if took < Self::STRETCH {
            return Ok(());
        }
        if new < Self::LEAST * took.as_secs() {
            return Err(format!("{new} bytes in {} s", took.as_secs()));
        }
        (self.since, self.come) = (Instant::now(), come);
        Ok(())
    }
}

/// A field of a `WWW-Authenticate` header: `realm="https://…"`.
fn field<'a>(wish: &'a str, name: &str) -> Option<&'a str> {
    wish.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'))
}

/// Where a redirect leads, if we may go there.
fn next(from: &str, location: &str) -> Option<String> {
    let next = if location.starts_with('/') && !location.starts_with("//") {
        let host = from.match_indices('/').nth(2).map_or(from, |(at, _)| &from[..at]);
        format!("{host}{location}")
    } else {
        location.to_owned()
    };
    may_go(from, &next).then_some(next)
}

/// https goes anywhere; http without TLS only from this machine to this machine.
fn may_go(from: &str, to: &str) -> bool {
    let here = |url: &str| {
        let host = url.strip_prefix("http://").and_then(|rest| rest.split(['/', '?']).next());
        host.is_some_and(is_loopback_with_port)
    };
    to.starts_with("https://") || (here(from) && here(to))
}

/// For the query of an address.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |out, b| match b {
        b if b.is_ascii_alphanumeric() || b"-._~/:".contains(&b) => format!("{out}{}", char::from(b)),
        b => format!("{out}%{b:02X}"),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_transfer_that_only_drips_is_given_up() {
        let mut pace = Pace::new();
        for byte in 1..=4 {
            advance(Duration::from_secs(29)).await;
            assert_eq!(pace.takes(byte), Ok(()), "{byte}");
        }
        advance(Duration::from_secs(29)).await;
        assert_eq!(pace.takes(5), Err("5 bytes in 145 s".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_line_is_no_drip_and_each_stretch_counts_for_itself() {
        let mut pace = Pace::new();
        advance(Duration::from_mins(2)).await;
        assert_eq!(pace.takes(Pace::LEAST * 120), Ok(()));
        advance(Duration::from_mins(2)).await;
        assert_eq!(pace.takes(Pace::LEAST * 240), Ok(()));
        advance(Duration::from_mins(2)).await;
        assert_eq!(pace.takes(Pace::LEAST * 240 + 7), Err("7 bytes in 120 s".to_owned()));
    }
}
