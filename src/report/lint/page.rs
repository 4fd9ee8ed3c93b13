//! The page of a rule on a terminal, and the list of all rules.

use std::fmt::Write as _;

use crate::lint::Page;
use crate::report::Paint;

/// What the first digits of a number say.
const SUBJECTS: [(&str, &str); 9] = [
    ("TS1", "Files and objects"),
    ("TS2", "Gateways and routes"),
    ("TS3", "Envoy Gateway's traffic policies"),
    ("TS4", "Autoscaling"),
    ("TS5", "Workloads, Services and budgets"),
    ("TS6", "TLS and certificates"),
    ("TS7", "Authentication and access"),
    ("TS8", "Other gateways and language models"),
    ("TS9", "Advice"),
];

/// The page of a rule: headings, code and words in code stand out.
#[must_use]
pub fn page(page: &Page, paint: Paint) -> String {
    let mut text = format!("{} {} {}\n\n", paint.bold(page.rule), paint.accent(page.name), severity(page.severity, paint));
    let mut code = false;
    for line in page.text.lines() {
        if line.starts_with("```") {
            code = !code;
        } else if code {
            let (line, mark) = line.strip_suffix(" # here").map_or((line, false), |line| (line, true));
            let mark = if mark { format!("  {}", paint.bad(if paint.unicode { "◀ here" } else { "<- here" })) } else { String::new() };
            let _ = writeln!(text, "    {}{mark}", paint.dim(line));
        } else if let Some(heading) = line.strip_prefix("## ").or_else(|| line.strip_prefix("# ")) {
            let _ = writeln!(text, "{}", paint.bold(heading));
        } else {
            let _ = writeln!(text, "{}", words(line, paint));
        }
    }
    text
}

/// Words in code stand out; without colours they keep their backticks.
fn words(line: &str, paint: Paint) -> String {
    if !paint.color {
        return line.to_owned();
    }
    let parts = line.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { paint.accent(part) } else { part.to_owned() }).collect()
}

fn severity(word: &str, paint: Paint) -> String {
    match word {
        "error" => paint.bad(word),
        "warning" => paint.warn(word),
        _ => paint.dim(word),
    }
}

/// Every rule in one line, subject by subject.
#[must_use]
pub fn pages(paint: Paint) -> String {
    let mut text = String::new();
    for (digits, subject) in SUBJECTS {
        let here: Vec<Page> = Page::all().filter(|page| page.rule.starts_with(digits)).collect();
        if here.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{}", paint.bold(subject));
        for page in here {
            let level = format!("{:<7}", page.severity);
            let _ = writeln!(text, "  {} {} {}", paint.accent(page.rule), severity(&level, paint), page.title.replace('`', ""));
        }
        text.push('\n');
    }
    let _ = writeln!(text, "{} tells more about one", paint.accent("tstack explain RULE"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_shown_with_its_cases_indented_and_its_marks_pointing() {
        let shown = page(&crate::lint::page("TS104").unwrap(), Paint { color: false, unicode: true });
        insta::assert_snapshot!(shown, @"
        TS104 duplicate-key error

        A key is given twice

        A map holds a key once (YAML 1.2.2, 3.2.1.1). Programs differ in what they make of a second one: some refuse the file, others take the last, so that
        what stands first is without effect and nobody is told.

        Bad

            apiVersion: v1
            kind: Service
            metadata: { name: shop }
            spec:
              selector: { app: shop }
              ports: [{ port: 80 }]
              selector: { app: shop-v2 }  ◀ here

        Good

            apiVersion: v1
            kind: Service
            metadata: { name: shop }
            spec:
              selector: { app: shop-v2 }
              ports: [{ port: 80 }]
        ");
        let colored = page(&crate::lint::page("TS101").unwrap(), Paint { color: true, unicode: true });
        assert!(colored.contains("\u{1b}[36m---\u{1b}[0m"), "{colored}");
    }

    #[test]
    fn every_rule_is_listed_once() {
        let listed = pages(Paint::default());
        let missing: Vec<_> = Page::all().filter(|page| listed.matches(page.rule).count() != 1).map(|page| page.rule).collect();
        assert_eq!(missing, [] as [&str; 0]);
    }
}
