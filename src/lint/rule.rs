//! What a rule is.

use super::finding::Severity;
use super::set::Set;
use super::sink::Sink;

/// A rule. Its page is `docs/lint/<id>.md`, whose bad and good cases are its tests.
#[derive(Debug)]
pub struct Rule {
    /// `TS` and three digits; the first tells the subject (docs/lint.md).
    pub id: &'static str,
    /// A short name in kebab case, another way to call it: `weights-add-to-zero`.
    pub name: &'static str,
    /// How bad a finding is.
    pub severity: Severity,
    /// How bad it is in profile production, where that differs.
    pub production: Option<Severity>,
    /// Looks at the set and tells the sink.
    pub check: fn(&Set, &mut Sink),
}

impl Rule {
    /// A rule that is as bad in every profile.
    pub(super) const fn new(id: &'static str, name: &'static str, severity: Severity, check: fn(&Set, &mut Sink)) -> Self {
        Self { id, name, severity, production: None, check }
    }

    /// The same rule, worse (or better) in profile production.
    #[must_use]
    pub const fn in_production(self, severity: Severity) -> Self {
        Self { production: Some(severity), ..self }
    }
}
