//! The page of a rule: what people read with `tstack explain`, and what its tests run.

use super::source::Form;

// PAGES, written by build.rs: number and text of each page of docs/lint/
include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// What can prove on a real cluster that the bad case of a rule is bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing but reading: advice.
    None,
    /// The API server refuses the bad case; the text is part of what it says.
    Server(String),
    /// A controller takes it up and tells of it in a condition; the text is the reason of that condition, or part of its message.
    Translator(String),
}

/// A page, taken apart.
#[derive(Clone, Debug)]
pub struct Page {
    /// The number of the rule.
    pub rule: &'static str,
    /// Its short name.
    pub name: &'static str,
    /// `error`, `warning` or `note`.
    pub severity: &'static str,
    /// The first heading: what the rule says, in one line.
    pub title: &'static str,
    /// How a real cluster proves it.
    pub proof: Proof,
    /// Other rules that the bad case breaks on the way.
    pub also: Vec<&'static str>,
    /// Whether the cases are all there is, so that what they do not hold is missing.
    pub complete: bool,
    /// Whether the cases are meant for production.
    pub production: bool,
    /// The text below the front matter, in Markdown.
    pub text: &'static str,
    /// What is under `## Bad`. Each line that the rule points at ends with `# here`.
    pub bad: &'static str,
    /// What is under `## Good`.
    pub good: &'static str,
    /// How the bad and the good case are written: by the word after their fence.
    pub form: Form,
}

/// The page of a rule, by its number or its name.
#[must_use]
pub fn page(rule: &str) -> Option<Page> {
    let pages = PAGES.iter().filter_map(|(_, text)| Page::read(text));
    pages.into_iter().find(|page| page.rule.eq_ignore_ascii_case(rule) || page.name == rule)
}

impl Page {
    /// Every page, in the order of the numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        PAGES.iter().filter_map(|(_, text)| Self::read(text))
    }

    /// Takes a page apart; `None` where the front matter is missing or says too little.
    fn read(text: &'static str) -> Option<Self> {
        let (front, text) = text.strip_prefix("---\n")?.split_once("\n---\n")?;
        let value = |key: &str| front.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':').map(str::trim));
        let reason = value("reason").unwrap_or_default().to_owned();
        let options: Vec<&str> = value("options").unwrap_or_default().split(',').map(str::trim).collect();
        Some(Self {
            rule: value("rule")?,
            name: value("name")?,
            severity: value("severity")?,
            title: text.lines().find_map(|line| line.strip_prefix("# "))?,
            proof: match value("proof")? {
                "server" => Proof::Server(reason),
                "translator" => Proof::Translator(reason),
                _ => Proof::None,
            },
            also: value("also").map(|also| also.split(',').map(str::trim).collect()).unwrap_or_default(),
            complete: options.contains(&"complete"),
            production: options.contains(&"production"),
            text: text.trim_start(),
            bad: block(text, "## Bad")?.1,
            good: block(text, "## Good")?.1,
            form: block(text, "## Bad")?.0,
        })
    }
}

/// The fenced block below a heading, YAML or commands; four backticks fence a document.
fn block(text: &'static str, heading: &str) -> Option<(Form, &'static str)> {
    let (_, below) = text.split_once(&format!("\n{heading}\n"))?;
    let at = below.find("```")?;
    let fence = &below[at..at + below[at..].chars().take_while(|c| *c == '`').count()];
    let (language, rest) = below[at + fence.len()..].split_once('\n')?;
    let form = if language == "markdown" { Form::Markdown } else { Form::of_fence(language)? };
    rest.split_once(&format!("\n{fence}\n")).or_else(|| rest.strip_suffix(fence).map(|block| (block, ""))).map(|(block, _)| (form, block))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::lint::{Finding, Input, Profile, Reading, Severity, Surroundings, rules, run};

    /// The findings of one case of a page.
    fn findings(page: &Page, text: &str) -> Vec<Finding> {
        let surroundings = Surroundings {
            profile: if page.production { Profile::Production } else { Profile::Local },
            complete: page.complete,
            now: Some(1_800_000_000),
            ..Surroundings::default()
        };
        // the marks are no part of the case
        let text = text.replace(" # here", "");
        let input = Input { file: page.rule.to_owned(), bytes: text.into_bytes(), form: page.form, named: true };
        run(&Reading::of(vec![input]).into_set(surroundings))
    }

    fn shown(findings: &[Finding]) -> String {
        let line = |f: &Finding| format!("  {}:{} {} {:?}: {}", f.line, f.column, f.rule, f.severity, f.message);
        findings.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_rule_has_a_page_that_says_the_same_and_every_page_a_rule() {
        let pages: Vec<_> = Page::all().map(|page| (page.rule, page.name, page.severity.to_owned())).collect();
        let severity = |severity: Severity| format!("{severity:?}").to_lowercase();
        let mut rules: Vec<_> = rules::all().map(|rule| (rule.id, rule.name, severity(rule.severity))).collect();
        rules.sort();
        assert_eq!(pages, rules, "left: the pages of docs/lint that could be read, right: the rules");
        assert_eq!(pages.len(), PAGES.len(), "a page without front matter, title, bad or good case");
        for (file, text) in PAGES {
            assert!(text.contains(&format!("rule: {file}\n")), "docs/lint/{file}.md is the page of another rule");
        }
        let names: BTreeSet<_> = pages.iter().map(|(_, name, _)| name).collect();
        assert_eq!(names.len(), pages.len(), "a name is given twice");
    }

    /// `TSTACK_UPDATE_RULES=1 cargo test --lib lint::page` writes it anew.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the switch and the file belong to this test alone")]
    fn the_table_of_the_rules_in_the_documentation_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/lint.md");
        let proof = |page: &Page| match page.proof {
            Proof::None => "reading",
            Proof::Server(_) => "API server",
            Proof::Translator(_) => "controller",
        };
        let row = |page: Page| {
            let title = page.title.replace('|', "\\|");
            format!("| [{0}](lint/{0}.md) | `{1}` | {2} | {title} | {3} |\n", page.rule, page.name, page.severity, proof(&page))
        };
        let rows: String = Page::all().map(row).collect();
        let table = format!(
            "<!-- rules -->\n\n| rule | name | severity | what it finds | shown by |\n|---|---|---|---|---|\n{rows}\n<!-- /rules -->"
        );
        let text = fs_err::read_to_string(path).unwrap();
        let (start, end) = (text.find("<!-- rules -->").unwrap(), text.find("<!-- /rules -->").unwrap() + "<!-- /rules -->".len());
        if std::env::var_os("TSTACK_UPDATE_RULES").is_some() {
            fs_err::write(path, [&text[..start], &table, &text[end..]].concat()).unwrap();
            return;
        }
        assert!(text[start..end] == table, "docs/lint.md is stale: run `TSTACK_UPDATE_RULES=1 cargo test --lib lint::page`");
    }

    #[test]
    fn the_bad_case_of_every_page_is_found_where_it_says_and_the_good_case_is_clean() {
        let mut wrong = Vec::new();
        for page in Page::all() {
            let bad = findings(&page, page.bad);
            let lines: BTreeSet<usize> = bad.iter().filter(|f| f.rule == page.rule).map(|f| f.line).collect();
            let marked: BTreeSet<usize> = page.bad.lines().enumerate().filter(|(_, l)| l.ends_with("# here")).map(|(n, _)| n + 1).collect();
            if lines.is_empty() || lines != marked {
                wrong.push(format!("{}: the bad case is found in lines {lines:?}, marked with `# here` are {marked:?}", page.rule));
            }
            let others: Vec<_> =
                bad.into_iter().filter(|f| f.rule != page.rule && f.severity == Severity::Error && !page.also.contains(&f.rule)).collect();
            if !others.is_empty() {
                wrong.push(format!("{}: the bad case breaks other rules too, not named in `also`:\n{}", page.rule, shown(&others)));
            }
            let good: Vec<_> =
                findings(&page, page.good).into_iter().filter(|f| f.rule == page.rule || f.severity == Severity::Error).collect();
            if !good.is_empty() {
                wrong.push(format!("{}: the good case is not good:\n{}", page.rule, shown(&good)));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
