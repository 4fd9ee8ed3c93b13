//! Makes fixes in a text, so that nothing but what they say changes: comments, layout and every other value stay.

use serde_json::Value;

use super::finding::Finding;
use super::fix::Fix;
use super::set::Set;
use super::source::{Form as Written, Segment};
use crate::yaml::layout::{Form, Laid, layout};
use crate::yaml::{self, Data, Key, Node, Pos};

/// A file with its fixes made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The number of the source in its set.
    pub source: usize,
    /// The new text.
    pub text: String,
    /// What was done: line, rule, and the change in words.
    pub done: Vec<(usize, &'static str, String)>,
    /// What was not done, and why.
    pub left: Vec<(usize, &'static str, String)>,
}

/// Makes the fixes of findings. Sources in which nothing was done or refused are left out.
#[must_use]
pub fn fix(set: &Set, findings: &[Finding]) -> Vec<Fixed> {
    let mut all = Vec::new();
    for (source, text) in set.sources().iter().enumerate() {
        let mut fixes: Vec<(&Finding, &Fix)> =
            findings.iter().filter_map(|f| Some((f, f.fix.as_ref()?))).filter(|(_, fix)| fix.source() == source).collect();
        if fixes.is_empty() {
            continue;
        }
        fixes.dedup_by(|(_, a), (_, b)| a == b);
        let mut outcome = Fixed { source, text: text.text.clone(), done: Vec::new(), left: Vec::new() };
        // from below, so that the places of what is above stay true
        fixes.sort_by_key(|(_, fix)| std::cmp::Reverse(fix.pos()));
        for segment in set.segments().iter().filter(|segment| segment.source == source).rev() {
            let here = fixes.iter().filter(|(_, fix)| segment.holds(fix.pos()));
            for (finding, fix) in here {
                match in_segment(&mut outcome.text, segment, fix) {
                    Ok(()) => outcome.done.push((finding.line, finding.rule, fix.to_string())),
                    Err(why) => outcome.left.push((finding.line, finding.rule, why.to_owned())),
                }
            }
        }
        outcome.done.reverse();
        outcome.left.reverse();
        all.push(outcome);
    }
    all
}

/// Makes one fix in the part of a text.
fn in_segment(text: &mut String, segment: &Segment, fix: &Fix) -> Result<(), &'static str> {
    if segment.form != Written::Yaml || segment.indent > 0 || segment.lead > 0 {
        return Err("the block is indented; change it by hand");
    }
    let start: usize = text.split_inclusive('\n').take(segment.line - 1).map(str::len).sum();
    // what was done before, further down, may have changed how long the part is, but not the lines above it
    let end = if segment.whole { text.len() } else { start + block_length(&text[start..]) };
    let local = fix.moved(&|pos: Pos| Pos { source: 0, line: pos.line + 1 - segment.line, column: pos.column });
    let part = made(&text[start..end], &local)?;
    text.replace_range(start..end, &part);
    Ok(())
}

/// The bytes to the fence that closes a block.
fn block_length(text: &str) -> usize {
    text.split_inclusive('\n').take_while(|line| !line.trim_start().starts_with("```")).map(str::len).sum()
}

/// A text with one fix made, or why it cannot be made.
pub(super) fn made(text: &str, fix: &Fix) -> Result<String, &'static str> {
    const BROKEN: &str = "the text could not be read again";
    let before = yaml::parse_nodes(text).map_err(|_| BROKEN)?;
    let laid = layout(text).ok_or(BROKEN)?;
    let edited = laid.iter().find_map(|laid| edit(text, laid, fix)).ok_or("the place is no longer there")??;
    let mut wanted = before;
    if !wanted.iter_mut().any(|node| change(node, fix)) {
        return Err("the place is no longer there");
    }
    let after = yaml::parse_nodes(&edited).map_err(|_| "the text would no longer be YAML")?;
    let values = |nodes: &[Node]| nodes.iter().map(Node::to_value).collect::<Vec<_>>();
    // a map without order is equal in any; the order is a part of the text
    let same =
        values(&after) == values(&wanted) && values(&after).iter().map(Value::to_string).eq(values(&wanted).iter().map(Value::to_string));
    if same { Ok(edited) } else { Err("something else would change with it (an anchor, or a form of YAML that tstack does not edit)") }
}

/// The same change in the tree; whether its place was found.
fn change(node: &mut Node, fix: &Fix) -> bool {
    if let Fix::Set { value, to } = fix
        && node.pos == *value
        && !matches!(node.data, Data::Map(_) | Data::List(_))
    {
        *node = tree(to, node.pos);
        return true;
    }
    match &mut node.data {
        Data::List(items) => items.iter_mut().any(|item| change(item, fix)),
        Data::Map(entries) => {
            match fix {
                Fix::Rename { key, to } => {
                    if let Some((found, _)) = entries.iter_mut().find(|(k, _)| k.pos == *key) {
                        found.text.clone_from(to);
                        return true;
                    }
                }
                Fix::Remove { key } => {
                    if let Some(at) = entries.iter().position(|(k, _)| k.pos == *key) {
                        entries.remove(at);
                        return true;
                    }
                }
                Fix::Add { map, key, value } if node.pos == *map => {
                    entries.push((Key { pos: *map, text: key.clone() }, tree(value, *map)));
                    return true;
                }
                Fix::Add { .. } | Fix::Set { .. } => {}
            }
            entries.iter_mut().any(|(_, value)| change(value, fix))
        }
        _ => false,
    }
}

fn tree(value: &Value, pos: Pos) -> Node {
    let data = match value {
        Value::Null => Data::Null,
        Value::Bool(flag) => Data::Bool(*flag),
        Value::Number(number) => Data::Number(number.clone()),
        Value::String(text) => Data::Text(text.clone()),
        Value::Array(items) => Data::List(items.iter().map(|item| tree(item, pos)).collect()),
        Value::Object(map) => Data::Map(map.iter().map(|(key, value)| (Key { pos, text: key.clone() }, tree(value, pos))).collect()),
    };
    Node::new(pos, data)
}

/// The text with the fix made at its place; `None` where the place is not in this value.
fn edit(text: &str, laid: &Laid, fix: &Fix) -> Option<Result<String, &'static str>> {
    match (&laid.form, fix) {
        (Form::Scalar { fixed, .. }, Fix::Set { value, to }) if laid.pos == *value => {
            if *fixed || laid.bytes.is_empty() {
                return Some(Err("the value is a block or an alias; change it by hand"));
            }
            Some(Ok(replaced(text, laid.bytes.clone(), &written(to))))
        }
        (Form::Map { flow, entries }, _) => {
            match fix {
                Fix::Rename { key, to } => {
                    if let Some((found, _)) = entries.iter().find(|(k, _)| k.pos == *key) {
                        return Some(Ok(replaced(text, found.bytes.clone(), &written(&Value::String(to.clone())))));
                    }
                }
                Fix::Remove { key } => {
                    if let Some(at) = entries.iter().position(|(k, _)| k.pos == *key) {
                        return Some(removed(text, entries, at, *flow));
                    }
                }
                Fix::Add { map, key, value } if laid.pos == *map => return Some(Ok(added(text, laid, entries, *flow, key, value))),
                Fix::Add { .. } | Fix::Set { .. } => {}
            }
            entries.iter().find_map(|(_, value)| edit(text, value, fix))
        }
        (Form::List(items), _) => items.iter().find_map(|item| edit(text, item, fix)),
        (Form::Scalar { .. }, _) => None,
    }
}

fn replaced(text: &str, bytes: std::ops::Range<usize>, with: &str) -> String {
    [&text[..bytes.start], with, &text[bytes.end..]].concat()
}

/// Where the last byte of an entry is: that of its value, or of its key and colon where it has none.
fn entry_end(text: &str, (key, value): &(Laid, Laid)) -> usize {
    if !value.bytes.is_empty() {
        return value.bytes.end;
    }
    let after = &text[key.bytes.end..];
    key.bytes.end + after.find(':').map_or(0, |at| at + 1)
}

fn removed(text: &str, entries: &[(Laid, Laid)], at: usize, flow: bool) -> Result<String, &'static str> {
    let (start, end) = (entries[at].0.bytes.start, entry_end(text, &entries[at]));
    if flow {
        return Ok(match (entries.get(at + 1), at.checked_sub(1)) {
            (Some((next, _)), _) => replaced(text, start..next.bytes.start, ""),
            (None, Some(before)) => replaced(text, entry_end(text, &entries[before])..end, ""),
            (None, None) => replaced(text, start..end, ""),
        });
    }
    if entries.len() == 1 {
        let line_break = if text[..end].ends_with('\n') { "\n" } else { "" };
        return Ok(replaced(text, start..end, &format!("{{}}{line_break}")));
    }
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let through = if text[..end].ends_with('\n') { end } else { text[end..].find('\n').map_or(text.len(), |at| end + at + 1) };
    if text[line..start].trim().is_empty() {
        return Ok(replaced(text, line..through, ""));
    }
    // behind the dash of a list: what comes next takes its place
    let next = entries.get(at + 1).ok_or("the layout is not one that tstack edits")?.0.bytes.start;
    if text[end..next].contains('#') {
        return Err("a comment would be lost; change it by hand");
    }
    Ok(replaced(text, start..next, ""))
}

fn added(text: &str, laid: &Laid, entries: &[(Laid, Laid)], flow: bool, key: &str, value: &Value) -> String {
    let entry = format!("{}: {}", written(&Value::String(key.to_owned())), written(value));
    let Some(last) = entries.last() else {
        return replaced(text, laid.bytes.clone(), &format!("{{{entry}}}"));
    };
    let end = entry_end(text, last);
    if flow {
        return replaced(text, end..end, &format!(", {entry}"));
    }
    let column = entries[0].0.pos.column - 1;
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let whole = text[..end].ends_with('\n');
    let at = if whole { end } else { text[end..].find('\n').map_or(text.len(), |at| end + at + 1) };
    let before = if text[..at].ends_with('\n') { "" } else { line_break };
    replaced(text, at..at, &format!("{before}{}{entry}{line_break}", " ".repeat(column)))
}

/// A value on one line: plain where that means the same, else as JSON, which is YAML.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let simple = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
            let plain =
                !text.is_empty() && text.chars().all(simple) && text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '/');
            let same = plain && yaml::parse(text).is_ok_and(|node| node.as_text() == Some(text));
            // words that other readers of YAML take for booleans
            let word = ["yes", "no", "on", "off", "y", "n", "true", "false", "null"].contains(&text.to_lowercase().as_str());
            if same && !word { text.clone() } else { value.to_string() }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(line: usize, column: usize) -> Pos {
        Pos { source: 0, line, column }
    }

    const BLOCK: &str = "# head\nspec: # a\n  one: 1 # b\n  # c\n  two: 'x'\n  list:\n  - k: v\n    l: w # d\n  - m: |\n      text\n# end\nlast: {a: 1, b: [c]}\n";

    #[test]
    fn each_change_leaves_everything_else_as_it_is() {
        let fixes = [
            Fix::Rename { key: at(3, 3), to: "uno".into() },
            Fix::Rename { key: at(12, 14), to: "on".into() },
            Fix::Set { value: at(5, 8), to: json!(8) },
            Fix::Set { value: at(12, 11), to: json!("1") },
            Fix::Remove { key: at(3, 3) },
            Fix::Remove { key: at(6, 3) },
            Fix::Remove { key: at(7, 5) },
            Fix::Remove { key: at(9, 5) },
            Fix::Remove { key: at(12, 8) },
            Fix::Remove { key: at(12, 14) },
            Fix::Add { map: at(3, 3), key: "x".into(), value: json!({"y": [1]}) },
            Fix::Add { map: at(7, 5), key: "x".into(), value: json!("a b") },
            Fix::Add { map: at(12, 7), key: "x".into(), value: json!(true) },
        ];
        let told = |fix: &Fix| {
            let after = made(BLOCK, fix).unwrap_or_else(str::to_owned);
            let (gone, come): (Vec<_>, Vec<_>) = (
                BLOCK.lines().filter(|l| !after.lines().any(|a| a == *l)).map(|l| format!("-{l}")).collect(),
                after.lines().filter(|l| !BLOCK.lines().any(|b| b == *l)).map(|l| format!("+{l}")).collect(),
            );
            let windows = made(&BLOCK.replace('\n', "\r\n"), fix).map(|text| text.replace("\r\n", "\n"));
            assert_eq!(windows.as_deref().unwrap_or(&after), after, "{fix}");
            format!("{fix}\n{}", [gone, come].concat().join("\n"))
        };
        insta::assert_snapshot!(fixes.iter().map(told).collect::<Vec<_>>().join("\n"), @r#"
        key renamed to `uno`
        -  one: 1 # b
        +  uno: 1 # b
        key renamed to `on`
        -last: {a: 1, b: [c]}
        +last: {a: 1, "on": [c]}
        value set to 8
        -  two: 'x'
        +  two: 8
        value set to "1"
        -last: {a: 1, b: [c]}
        +last: {a: "1", b: [c]}
        key removed
        -  one: 1 # b
        key removed
        -  list:
        -  - k: v
        -    l: w # d
        -  - m: |
        -      text
        key removed
        -  - k: v
        -    l: w # d
        +  - l: w # d
        key removed
        -  - m: |
        -      text
        +  - {}
        key removed
        -last: {a: 1, b: [c]}
        +last: {b: [c]}
        key removed
        -last: {a: 1, b: [c]}
        +last: {a: 1}
        `x: {"y":[1]}` added
        +  x: {"y":[1]}
        `x: "a b"` added
        +    x: "a b"
        `x: true` added
        -last: {a: 1, b: [c]}
        +last: {a: 1, b: [c], x: true}
        "#);
    }

    #[test]
    fn what_would_change_more_is_refused() {
        let refused = |text: &str, fix: Fix| made(text, &fix).unwrap_err();
        let all = [
            refused("a: &x {b: 1}\nc: *x\n", Fix::Set { value: at(1, 11), to: json!(2) }),
            refused("a: |\n  b\n", Fix::Set { value: at(1, 4), to: json!(2) }),
            refused("- a: 1 # why\n  b: 2\n", Fix::Remove { key: at(1, 3) }),
            refused("a: 1\nb: 2\n", Fix::Rename { key: at(1, 1), to: "b".into() }),
            refused("a: 1\n", Fix::Remove { key: at(7, 1) }),
        ];
        insta::assert_snapshot!(all.join("\n"), @"
        something else would change with it (an anchor, or a form of YAML that tstack does not edit)
        the place is no longer there
        a comment would be lost; change it by hand
        the text would no longer be YAML
        the place is no longer there
        ");
    }

    proptest::proptest! {
        /// The check of `made` itself holds for every text: here it must not panic, whatever the place.
        #[test]
        fn no_text_makes_it_panic(text in "[-ab{}\\[\\]:,'&*| \n\r#é]{0,40}", line in 1..4_usize, column in 1..9_usize) {
            let pos = at(line, column);
            for fix in [
                Fix::Rename { key: pos, to: "x".into() },
                Fix::Set { value: pos, to: json!("y") },
                Fix::Remove { key: pos },
                Fix::Add { map: pos, key: "z".into(), value: json!(1) },
            ] {
                let _ = made(&text, &fix);
            }
        }
    }
}
