//! Workflow commands of GitHub Actions: each finding becomes a note on the line of a change.

use super::human::level;
use crate::lint::{Finding, Severity};

/// `::error file=web.yaml,line=9,col=7,title=TS210::the weights …`, one line each.
#[must_use]
pub fn github(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let command = if finding.severity == Severity::Note { "notice" } else { level(finding.severity) };
        format!(
            "::{command} file={},line={},col={},title={}::{}\n",
            property(&finding.file),
            finding.line,
            finding.column,
            property(format!("{} {}", finding.rule, finding.object).trim()),
            message(&format!("{}. {}", finding.message, finding.remedy)),
        )
    };
    findings.iter().map(line).collect()
}

fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::lint::human::tests::finding;

    #[test]
    fn what_would_end_a_command_is_escaped() {
        let all = [finding("a,b:c.yaml", Severity::Error, "", 7), finding("x%\n.yaml", Severity::Note, "", 1)];
        insta::assert_snapshot!(github(&all), @"
        ::error file=a%2Cb%3Ac.yaml,line=9,col=7,title=TS210 HTTPRoute shop/shop::the weights of all backends are 0. Give at least one backend a weight above 0.
        ::notice file=x%25%0A.yaml,line=9,col=1,title=TS210 HTTPRoute shop/shop::the weights of all backends are 0. Give at least one backend a weight above 0.
        ");
    }
}
