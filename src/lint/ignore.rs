//! Findings that the author of a file has looked at and accepted: `# tstack: ignore TS304 because …`.

use super::finding::Finding;
use super::rules;
use super::set::Set;
use super::settings::unknown_rule;
use crate::yaml::layout::{Comment, comments};
use crate::yaml::{Data, Node, Pos};

/// The words that begin an ignore.
const MARK: &str = "tstack:";
const WITHOUT_REASON: &str = "TS190";
const WITHOUT_EFFECT: &str = "TS191";

/// One comment that accepts findings.
#[derive(Debug)]
struct Ignore {
    pos: Pos,
    /// The numbers of the rules.
    rules: Vec<&'static str>,
    /// From which line to which.
    lines: (usize, usize),
    used: bool,
}

/// A finding about a comment.
pub(super) struct Fault {
    pub(super) rule: &'static str,
    pub(super) pos: Pos,
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

/// Takes out the findings that are accepted, and gives what is wrong with the comments that accept them.
pub(super) fn apply(set: &Set, findings: &mut Vec<(Pos, Finding)>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut ignores: Vec<Ignore> = Vec::new();
    for segment in set.segments().iter().filter(|segment| segment.text.contains(MARK)) {
        let last = segment.line + segment.text.lines().count();
        for comment in comments(&segment.text) {
            let comment = Comment { pos: segment.place(comment.pos), ..comment };
            match read(&comment, &segment.text, comment.pos.line - segment.line + 1) {
                None => {}
                Some(Err(fault)) => faults.push(fault),
                Some(Ok((rules, Reach::Line))) => {
                    ignores.push(Ignore { pos: comment.pos, rules, lines: (comment.pos.line, comment.pos.line), used: false });
                }
                Some(Ok((rules, Reach::File))) => {
                    ignores.push(Ignore { pos: comment.pos, rules, lines: (segment.line, last), used: false });
                }
                Some(Ok((rules, Reach::Next(line)))) => {
                    let lines = node_lines(set, segment.source, segment.line + line - 1);
                    ignores.push(Ignore { pos: comment.pos, rules, lines, used: false });
                }
            }
        }
    }
    findings.retain(|(pos, finding)| {
        let accepts = |ignore: &Ignore| {
            ignore.pos.source == pos.source && (ignore.lines.0..=ignore.lines.1).contains(&pos.line) && ignore.rules.contains(&finding.rule)
        };
        let mut kept = true;
        for ignore in ignores.iter_mut().filter(|ignore| accepts(ignore)) {
            ignore.used = true;
            kept = false;
        }
        kept
    });
    faults.extend(ignores.iter().filter(|ignore| !ignore.used).map(|ignore| Fault {
        rule: WITHOUT_EFFECT,
        pos: ignore.pos,
        message: format!("this comment accepts {}, but there is no such finding here", ignore.rules.join(", ")),
        remedy: "Remove the comment, or put it above the key or object that it is about.",
    }));
    faults
}

/// What a comment reaches.
enum Reach {
    /// Its own line.
    Line,
    /// What begins at a line of the part, from 1, and all below it.
    Next(usize),
    /// The whole file.
    File,
}

/// What a comment at a line of the part says: `None` where it is not for us.
fn read(comment: &Comment, text: &str, line: usize) -> Option<Result<(Vec<&'static str>, Reach), Fault>> {
    let said = comment.text.strip_prefix(MARK)?.trim();
    let fault = |rule, message: String, remedy| Some(Err(Fault { rule, pos: comment.pos, message, remedy }));
    let (word, rest) = said.split_once(char::is_whitespace).unwrap_or((said, ""));
    let whole_file = match word {
        "ignore" => false,
        "ignore-file" => true,
        other => {
            let message = format!("`tstack: {other}` means nothing");
            return fault(WITHOUT_EFFECT, message, "Write `tstack: ignore TS304 because …`, or `ignore-file` for the whole file.");
        }
    };
    let (named, reason) = rest.split_once("because").unwrap_or((rest, ""));
    let words: Vec<&str> = named.split([',', ' ']).filter(|name| !name.is_empty()).collect();
    if words.is_empty() {
        return fault(WITHOUT_EFFECT, "this comment names no rule".into(), "Write `tstack: ignore TS304 because …`.");
    }
    let mut found = Vec::new();
    for name in words {
        match rules::find(name) {
            Some(rule) => found.push(rule.id),
            None => return fault(WITHOUT_EFFECT, unknown_rule(name), "Write the number or the name of a rule."),
        }
    }
    if reason.trim().is_empty() {
        let message = format!("this comment accepts {} without a reason", found.join(", "));
        return fault(WITHOUT_REASON, message, "Say why: `tstack: ignore TS304 because the gateway runs once`.");
    }
    let reach = if whole_file {
        Reach::File
    } else if comment.alone {
        let next = text.lines().enumerate().skip(line).find(|(_, text)| {
            let text = text.trim();
            !text.is_empty() && !text.starts_with('#') && text != "---"
        });
        next.map_or(Reach::Line, |(at, _)| Reach::Next(at + 1))
    } else {
        Reach::Line
    };
    Some(Ok((found, reach)))
}

/// The lines of the outermost value that begins in a line.
fn node_lines(set: &Set, source: usize, line: usize) -> (usize, usize) {
    let mut entry = set.entries().iter().map(|entry| &entry.node).filter(|node| node.pos.source == source && node.pos.line <= line);
    // entries come in the order of the text; the last that begins before holds the line
    let last = entry.next_back().and_then(|node| lines(node, line));
    last.unwrap_or((line, line))
}

fn lines(node: &Node, line: usize) -> Option<(usize, usize)> {
    if node.pos.line == line {
        return Some((line, last_line(node)));
    }
    match &node.data {
        Data::List(items) => items.iter().find_map(|item| lines(item, line)),
        Data::Map(entries) => {
            let own = entries.iter().find(|(key, _)| key.pos.line == line);
            own.map(|(_, value)| (line, last_line(value).max(line))).or_else(|| entries.iter().find_map(|(_, value)| lines(value, line)))
        }
        _ => None,
    }
}

fn last_line(node: &Node) -> usize {
    let below = match &node.data {
        Data::List(items) => items.iter().map(last_line).max(),
        Data::Map(entries) => entries.iter().map(|(key, value)| key.pos.line.max(last_line(value))).max(),
        _ => None,
    };
    below.unwrap_or(node.pos.line).max(node.pos.line)
}

#[cfg(test)]
mod tests {
    use crate::lint::{Input, Reading, Surroundings, run};

    const ROUTE: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: a}
spec:
  parentRefs: [{name: a}]
  rules:
  - name: 'x # tstack: ignore TS210 because it is a text'
    backendRefs: [{name: a, port: 80, weight: 0}]
  - name: y
    backendRefs: [{name: a, port: 80, weight: 0}]
";

    /// The rules and lines that are left.
    fn left(text: &str) -> Vec<String> {
        let set = Reading::of(vec![Input::new("a.yaml", text.as_bytes().to_vec(), true)]).into_set(Surroundings::default());
        let told = run(&set).into_iter().filter(|f| ["TS210", "TS190", "TS191"].contains(&f.rule));
        told.map(|f| format!("{} {}: {}", f.line, f.rule, f.message)).collect()
    }

    #[test]
    fn a_comment_accepts_a_finding_on_its_line_or_in_what_follows() {
        let count = |text: &str| left(text).len();
        assert_eq!(count(ROUTE), 2);
        let comment = "# tstack: ignore weights-add-to-zero because nobody uses it";
        assert_eq!(count(&ROUTE.replace("0}]\n  - name: y", &format!("0}}] {comment}\n  - name: y"))), 1);
        assert_eq!(count(&ROUTE.replace("  - name: y", &format!("  {comment}\n  # more\n\n  - name: y"))), 1);
        assert_eq!(count(&ROUTE.replace("  rules:", &format!("  {comment}\n  rules:"))), 0);
        assert_eq!(count(&format!("{comment}\n{ROUTE}")), 0);
        let two = format!("{comment}\n---\n{ROUTE}---\n{}", ROUTE.replace("name: a", "name: b"));
        assert_eq!(count(&two), 2);
        assert_eq!(count(&two.replace("ignore weights", "ignore-file weights")), 0);
    }

    #[test]
    fn a_comment_without_reason_or_effect_is_a_finding_itself() {
        let above = |comment: &str| left(&ROUTE.replace("  rules:", &format!("  # tstack: {comment}\n  rules:"))).join("\n");
        let all = ["ignore TS210", "ignore TS101 because so", "ignore TS999 because so", "ignore because so", "ignroe TS210 because so"];
        insta::assert_snapshot!(all.map(above).join("\n\n"), @"
        6 TS190: this comment accepts TS210 without a reason
        9 TS210: the weights of all backends are 0, so no backend takes a request and the gateway answers 500
        11 TS210: the weights of all backends are 0, so no backend takes a request and the gateway answers 500

        6 TS191: this comment accepts TS101, but there is no such finding here
        9 TS210: the weights of all backends are 0, so no backend takes a request and the gateway answers 500
        11 TS210: the weights of all backends are 0, so no backend takes a request and the gateway answers 500

        6 TS191: there is no rule `TS999`; `tstack explain` lists them
        9 TS210: the weights of all backends are 0, so no backend takes a request and the gateway answers 500
        11 TS210: the weights of all backends are 0, so no backend takes a request and the gateway answers 500

        6 TS191: this comment names no rule
        9 TS210: the weights of all backends are 0, so no backend takes a request and the gateway answers 500
        11 TS210: the weights of all backends are 0, so no backend takes a request and the gateway answers 500

        6 TS191: `tstack: ignroe` means nothing
        9 TS210: the weights of all backends are 0, so no backend takes a request and the gateway answers 500
        11 TS210: the weights of all backends are 0, so no backend takes a request and the gateway answers 500
        ");
    }
}
