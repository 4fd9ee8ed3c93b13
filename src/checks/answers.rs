//! Counts of answers by status.

use std::collections::BTreeMap;

/// How many answers had which status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts(BTreeMap<u16, u32>);

impl Counts {
    /// Counts one more.
    pub(super) fn add(&mut self, status: u16) {
        *self.0.entry(status).or_default() += 1;
    }

    /// How many had that status.
    pub(super) fn of(&self, status: u16) -> u32 {
        self.0.get(&status).copied().unwrap_or_default()
    }

    /// How many there are.
    pub(super) fn total(&self) -> u32 {
        self.0.values().sum()
    }
}

impl std::fmt::Display for Counts {
    /// `100 x 200, 10 x 429`, in the order of the statuses.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no answer");
        }
        let each: Vec<String> = self.0.iter().map(|(status, count)| format!("{count} x {status}")).collect();
        f.write_str(&each.join(", "))
    }
}

impl FromIterator<(u16, u32)> for Counts {
    /// Statuses that never came are left out.
    fn from_iter<T: IntoIterator<Item = (u16, u32)>>(counts: T) -> Self {
        Self(counts.into_iter().filter(|(_, count)| *count > 0).collect())
    }
}
