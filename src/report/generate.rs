//! Templates, decisions, warnings and verdicts as people read them.

use std::fmt::Write as _;

use serde::Serialize;

use super::table::table;
use super::{Paint, neutralise};
use crate::failure::Failure;
use crate::generate::{Answer, Decision, Prompt, Template};

/// The templates with their parameters.
#[must_use]
pub fn templates(all: &[Template], width: Option<usize>, paint: Paint) -> String {
    let mut text = String::new();
    for template in all {
        let _ = writeln!(text, "{}  {}", paint.bold(template.name), template.description);
        let rows: Vec<Vec<String>> =
            template.parameters.iter().map(|p| vec![format!("  {}", p.name), plain(&p.default), p.about.clone()]).collect();
        text.push_str(&table(&["  PARAMETER", "DEFAULT", "WHAT IT IS"], &rows, width, paint));
        text.push('\n');
    }
    text.push_str(&paint.accent("tstack generate production-stack --set parameters.userLimit=50"));
    text.push('\n');
    text
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The decisions, tree by tree.
#[must_use]
pub fn decisions(all: &[Decision], paint: Paint) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut tree = "";
    for decision in all {
        if decision.tree != tree {
            tree = decision.tree;
            lines.extend([String::new(), paint.bold(tree)]);
        }
        let word = match decision.answer {
            Answer::Yes => paint.good(decision.answer.word()),
            Answer::No => decision.answer.word().to_owned(),
            Answer::NotAsked => paint.dim(decision.answer.word()),
        };
        lines.push(format!("  {}  {word}  {}", decision.question, paint.dim(&format!("({})", neutralise(&decision.given_by)))));
        if decision.answer == Answer::NotAsked {
            continue;
        }
        let arrow = if paint.unicode { "→" } else { "->" };
        lines.push(format!("    {arrow} {}", neutralise(&decision.then)));
        if !decision.objects.is_empty() {
            lines.push(format!("      {}", paint.accent(&decision.objects.join(", "))));
        }
        lines.push(format!("      why: {}", decision.why));
        if let Some(wrong) = decision.instead_of {
            lines.push(format!("      {} {wrong}", paint.warn("not:")));
        }
    }
    lines.iter().skip(1).map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// What is unusual in a file but not wrong; its first line says what, the others show the place.
#[must_use]
pub fn warning(text: &str, paint: Paint) -> String {
    let mut lines = text.lines();
    let head = format!("{} {}\n", paint.warn("warning:"), neutralise(lines.next().unwrap_or_default()));
    let rest: String = lines.map(|line| ["  ", &paint.dim(paint.bar()), " ", &neutralise(line), "\n"].concat()).collect();
    head + &rest
}

/// A question, and where its answer goes; the cursor stays behind it.
#[must_use]
pub fn prompt(prompt: &Prompt, paint: Paint) -> String {
    let help = if prompt.help.is_empty() { String::new() } else { format!("  {}", paint.dim(&prompt.help)) };
    let default = if prompt.default.is_empty() { "none" } else { &prompt.default };
    format!("\n{}{help}\n[{default}] ", paint.bold(prompt.question))
}

/// Which files were written, and what can be done with them.
#[must_use]
pub fn written(folder: &str, changed: &[String], unchanged: usize, removed: &[String], next: &str, paint: Paint) -> String {
    let mut text = String::new();
    for path in changed {
        let _ = writeln!(text, "{} {folder}/{path}", paint.good("wrote"));
    }
    for path in removed {
        let _ = writeln!(text, "{} {folder}/{path}, which is not needed any more", paint.warn("removed"));
    }
    if unchanged > 0 {
        let _ = writeln!(text, "{} as before", super::plural(unchanged, "file"));
    }
    let _ = writeln!(text, "{} {}", paint.dim("next:"), paint.accent(next));
    text
}

/// What was said of one object.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The object.
    pub object: String,
    /// What is unusual about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Why it is refused; absent where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Failure>,
}

/// The objects as a table, each that is refused followed by why, then what was not proven.
#[must_use]
pub fn verdicts(all: &[Verdict], asked: &str, unproven_here: &[String], width: Option<usize>, paint: Paint) -> String {
    let word = |verdict: &Verdict| match (&verdict.refusal, verdict.warnings.len()) {
        (Some(_), _) => paint.bad("refused"),
        (None, 0) => "good".to_owned(),
        (None, _) => paint.warn("good, with a remark"),
    };
    let rows: Vec<Vec<String>> = all.iter().map(|v| vec![paint.mark(v.refusal.is_none()), neutralise(&v.object), word(v)]).collect();
    let mut lines = super::table::lines(&["", "object", "verdict"], &rows, width, paint).into_iter();
    let mut text = lines.next().map(|head| head + "\n").unwrap_or_default();
    for (line, verdict) in lines.zip(all) {
        text.push_str(&line);
        text.push('\n');
        for warning in &verdict.warnings {
            let _ = writeln!(text, "     {}", neutralise(warning));
        }
        for why in verdict.refusal.iter().flat_map(|failure| &failure.why) {
            let _ = writeln!(text, "     {}", neutralise(why));
        }
    }
    let refused = all.iter().filter(|verdict| verdict.refusal.is_some()).count();
    let _ = writeln!(text, "\n{}, {refused} refused, by {}", super::plural(all.len(), "object"), neutralise(asked));
    text + &unproven_here.iter().map(|sentence| unproven(sentence, paint)).collect::<String>()
}

/// What a check does not show.
#[must_use]
pub fn unproven(sentence: &str, paint: Paint) -> String {
    format!("{} {}\n", paint.warn("not proven:"), neutralise(sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAINT: Paint = Paint { color: false, unicode: true };

    #[test]
    fn a_decision_says_what_follows_and_why() {
        let decision = |answer, objects: &[&str]| Decision {
            tree: "What the service needs",
            question: "TLS required?",
            answer,
            given_by: "spec.tls: Secret api-tls".into(),
            then: "an https listener".into(),
            objects: objects.iter().map(|o| (*o).to_owned()).collect(),
            why: "encrypted",
            instead_of: Some("x"),
        };
        let text = decisions(&[decision(Answer::Yes, &["Gateway/api", "Certificate/api"]), decision(Answer::NotAsked, &[])], PAINT);
        insta::assert_snapshot!(text, @r"
        What the service needs
          TLS required?  yes  (spec.tls: Secret api-tls)
            → an https listener
              Gateway/api, Certificate/api
              why: encrypted
              not: x
          TLS required?  not asked  (spec.tls: Secret api-tls)
        ");
    }

    #[test]
    fn a_prompt_shows_its_default() {
        let text = prompt(&Prompt { question: "Which?", help: "a, b".into(), default: String::new() }, PAINT);
        assert_eq!(text, "\nWhich?  a, b\n[none] ");
    }
}
