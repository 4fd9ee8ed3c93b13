//! Text that must not be seen.

use zeroize::Zeroizing;

/// A private key in PEM. Its memory is overwritten when it is dropped. It has no `Display` and no `Serialize`, and its `Debug` does not show it, so that it reaches no log, journal or
/// error by accident; [`Secret::reveal`] is the one way to it, easy to search for.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text into custody.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for a file with mode 0600 or a Secret object, never for a message.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<Zeroizing<String>> for Secret {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_overwritten_when_it_is_dropped_and_never_shown() {
        fn is_overwritten(_: &impl zeroize::ZeroizeOnDrop) {}
        let secret = Secret::new("hunter2".into());
        is_overwritten(&secret.0);
        assert_eq!((format!("{secret:?}"), secret.reveal()), ("Secret(not shown)".into(), "hunter2"));
    }
}
