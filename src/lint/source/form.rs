//! How a text is written.

use std::path::Path;

/// How a text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// YAML, or JSON, which is YAML too.
    #[default]
    Yaml,
    /// Prose with fenced blocks of YAML and commands.
    Markdown,
    /// Commands.
    Shell,
}

impl Form {
    /// The form of a file, by its name; where that says nothing, by what it holds.
    #[must_use]
    pub fn of(file: &str, bytes: &[u8]) -> Self {
        let extension = Path::new(file).extension().and_then(|e| e.to_str()).unwrap_or_default();
        match extension {
            "yaml" | "yml" | "json" => Self::Yaml,
            "md" | "markdown" => Self::Markdown,
            "sh" | "bash" => Self::Shell,
            _ if String::from_utf8_lossy(bytes).lines().any(|line| line.trim_start().starts_with("```")) => Self::Markdown,
            _ => Self::Yaml,
        }
    }

    /// The form of a fenced block, by the word after the fence; `None` where it holds nothing to look at.
    pub(in crate::lint) fn of_fence(language: &str) -> Option<Self> {
        match language.to_lowercase().as_str() {
            "yaml" | "yml" | "json" => Some(Self::Yaml),
            "bash" | "sh" | "shell" | "console" | "zsh" => Some(Self::Shell),
            _ => None,
        }
    }
}
