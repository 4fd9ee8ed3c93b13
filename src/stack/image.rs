//! Image references, written out in full.

use serde::{Deserialize, Serialize};

/// A reference to an image: `registry/path[:tag][@digest]`, with at least one of tag and digest.
///
/// Short names mean what the engine takes them for: `nginx:1` is `docker.io/library/nginx:1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageRef {
    /// The registry's host, with a port where it has one.
    pub registry: String,
    /// The path in the registry.
    pub path: String,
    /// The tag.
    pub tag: Option<String>,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: Option<String>,
}

/// Why a text is not an image reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image reference: {why}")]
pub struct ImageRefError {
    text: String,
    why: &'static str,
}

impl ImageRefError {
    /// The reason alone, for a message that names the text itself.
    pub(super) const fn why(&self) -> &'static str {
        self.why
    }
}

impl ImageRef {
    /// Reads a reference.
    ///
    /// # Errors
    /// When a part is empty or has characters that registries refuse (the grammar of the OCI distribution specification).
    pub fn parse(text: &str) -> Result<Self, ImageRefError> {
        let fail = |why| ImageRefError { text: text.to_owned(), why };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        if let Some(digest) = digest {
            let hex = digest.strip_prefix("sha256:").ok_or_else(|| fail("the digest does not start with `sha256:`"))?;
            if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
                return Err(fail("a sha256 digest has 64 lower case hexadecimal digits"));
            }
        }
        // a colon before the last slash belongs to the registry's port
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if let Some(tag) = tag {
            let first = tag.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
            let all = tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
            if !first || !all || tag.len() > 128 {
                return Err(fail("a tag has letters, digits, `_`, `.` and `-`, at most 128"));
            }
        }
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host.to_owned(), path.to_owned()),
            Some(_) => ("docker.io".to_owned(), name.to_owned()),
            None => ("docker.io".to_owned(), format!("library/{name}")),
        };
        let part = |p: &str| {
            p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
                && p.starts_with(|c: char| c.is_ascii_alphanumeric())
                && p.ends_with(|c: char| c.is_ascii_alphanumeric())
        };
        if !path.split('/').all(part) {
            return Err(fail("a path has lower case letters, digits, `.`, `_`, `-` and `/`"));
        }
        if !registry.split(['.', ':']).all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')) {
            return Err(fail("the registry is not a host name"));
        }
        let tag = match (tag, digest) {
            (None, None) => Some("latest"),
            (tag, _) => tag,
        };
        Ok(Self { registry, path, tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) })
    }

    /// The name without tag and digest: `docker.io/envoyproxy/gateway`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.path)
    }

    /// The same path, tag and digest at another registry: `127.0.0.1:5000`.
    #[must_use]
    pub fn at(&self, registry: &str) -> Self {
        Self { registry: registry.to_owned(), ..self.clone() }
    }
}

impl std::fmt::Display for ImageRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for ImageRef {
    type Error = ImageRefError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ImageRef> for String {
    fn from(image: ImageRef) -> Self {
        image.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_written_out() {
        for (short, full) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("kindest/node:v1.34.4", "docker.io/kindest/node:v1.34.4"),
            ("localhost/a/b:1", "localhost/a/b:1"),
            ("127.0.0.1:5000/keda", "127.0.0.1:5000/keda:latest"),
        ] {
            assert_eq!(ImageRef::parse(short).unwrap().to_string(), full);
        }
    }

    #[test]
    fn a_digest_needs_no_tag() {
        let text = format!("quay.io/a/b@sha256:{}", "0".repeat(64));
        assert_eq!(ImageRef::parse(&text).unwrap().tag, None);
    }

    #[test]
    fn bad_references_say_what_is_wrong() {
        for (bad, why) in [
            ("", "a path has"),
            ("Nginx", "a path has"),
            ("a//b:1", "a path has"),
            ("a:b c", "a tag has"),
            ("a@sha512:00", "does not start with"),
            ("a@sha256:00", "64 lower case"),
            ("quay..io/a:1", "not a host name"),
        ] {
            let error = ImageRef::parse(bad).unwrap_err().to_string();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }
}
