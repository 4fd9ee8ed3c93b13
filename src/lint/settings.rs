//! What the user says of rules: how bad each is, or that it is off.

use std::collections::BTreeMap;

use super::finding::{Finding, Severity};
use super::rules;

/// How the linter is to judge.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    levels: BTreeMap<&'static str, Option<Severity>>,
}

impl Settings {
    /// Takes `TS304=off`, or `weights-add-to-zero=warning`.
    ///
    /// # Errors
    /// When there is no such rule or level; the text says what there is.
    pub fn set(&mut self, text: &str) -> Result<(), String> {
        let (rule, level) = text.split_once('=').ok_or_else(|| format!("`{text}`: it is written RULE=LEVEL, such as TS304=off"))?;
        let level = match level.trim() {
            "off" => None,
            "note" => Some(Severity::Note),
            "warning" => Some(Severity::Warning),
            "error" => Some(Severity::Error),
            other => return Err(format!("`{other}` is no level: `off`, `note`, `warning` and `error` are")),
        };
        let known = rules::find(rule.trim()).ok_or_else(|| unknown_rule(rule.trim()))?;
        self.levels.insert(known.id, level);
        Ok(())
    }

    /// The finding with the severity that was asked for; `None` where its rule is off.
    pub(super) fn judge(&self, finding: Finding) -> Option<Finding> {
        match self.levels.get(finding.rule) {
            None => Some(finding),
            Some(level) => level.map(|severity| Finding { severity, ..finding }),
        }
    }

    /// Whether a rule is off.
    pub(super) fn is_off(&self, rule: &str) -> bool {
        self.levels.get(rule) == Some(&None)
    }
}

/// Says that there is no such rule, and which may have been meant.
#[must_use]
pub fn unknown_rule(rule: &str) -> String {
    let known = rules::all().flat_map(|rule| [rule.id, rule.name]);
    match crate::input::nearest(rule, known) {
        Some(near) => format!("there is no rule `{rule}`; did you mean `{near}`?"),
        None => format!("there is no rule `{rule}`; `tstack explain` lists them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_set_by_number_or_name_and_a_wrong_one_is_told() {
        let mut settings = Settings::default();
        assert_eq!([settings.set("ts210=off"), settings.set("not-yaml=warning")], [Ok(()), Ok(())]);
        assert!(settings.is_off("TS210") && !settings.is_off("TS101"));
        let wrong = ["TS210", "TS210=never", "weights-add-to-zro=off", "nonsense=off"].map(|text| settings.set(text).unwrap_err());
        insta::assert_snapshot!(wrong.join("\n"), @"
        `TS210`: it is written RULE=LEVEL, such as TS304=off
        `never` is no level: `off`, `note`, `warning` and `error` are
        there is no rule `weights-add-to-zro`; did you mean `weights-add-to-zero`?
        there is no rule `nonsense`; `tstack explain` lists them
        ");
    }
}
