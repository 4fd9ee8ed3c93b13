//! Text that must not be seen.

/// A private key in PEM. It has no `Display` and no `Serialize`, and its `Debug` does not show it, so that it reaches no log, journal or
/// error by accident; [`Secret::reveal`] is the one way to it, easy to search for.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text into custody.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for a file with mode 0600 or a Secret object, never for a message.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(not shown)")
    }
}
