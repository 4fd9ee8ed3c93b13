//! The text of a kubeconfig: entries go in and out, and every other byte stays. Each change is read again and compared with what it was to be:
//! where a text is laid out as nobody thought of, nothing is changed.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::yaml::layout::{Form, Laid, layout};
use crate::yaml::{parse, text};

/// The lists of a kubeconfig, and the field that each entry has beside its name.
pub(super) const LISTS: [(&str, &str); 3] = [("clusters", "cluster"), ("contexts", "context"), ("users", "user")];

/// A change of a text: what was taken out at a place, and how much was put there. What was put there may be a key and is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    at: usize,
    removed: String,
    inserted: usize,
}

/// The three entries of one cluster, in the order of [`LISTS`], each with its list.
pub(super) type Entries = [Value; 3];

/// The entries of a kubeconfig with one cluster, under another name.
pub(super) fn entries(kubeconfig: &str, name: &str) -> Option<Entries> {
    let all = parse(kubeconfig).ok()?.to_value();
    let of = |list: &str, field: &str| all[list].as_array()?.first()?.get(field).filter(|value| value.is_object()).cloned();
    let (cluster, user) = (of("clusters", "cluster")?, of("users", "user")?);
    Some([
        json!({"cluster": cluster, "name": name}),
        json!({"context": {"cluster": name, "user": name}, "name": name}),
        json!({"name": name, "user": user}),
    ])
}

/// The entry of a list that has that name, where the text has one.
pub(super) fn find(kubeconfig: &str, list: &str, name: &str) -> Option<Value> {
    let all = parse(kubeconfig).ok()?.to_value();
    all[list].as_array()?.iter().find(|one| one["name"] == name).cloned()
}

/// The text of a file that is yet to be made.
pub(super) fn new(entries: &Entries, name: &str) -> String {
    let head = format!("apiVersion: v1\nkind: Config\ncurrent-context: {}\n", text(name));
    let lists = LISTS.iter().zip(entries).map(|((list, _), entry)| format!("{list}:\n{}", block(entry, 0)));
    std::iter::once(head).chain(lists).collect()
}

/// A text with the entries, and what was changed to get it; `None` where that cannot be done safely.
pub(super) fn with(text: &str, entries: &Entries) -> Option<(String, Vec<Edit>)> {
    let (mut all, mut edits) = (text.to_owned(), Vec::new());
    for ((list, _), entry) in LISTS.iter().zip(entries) {
        let mut wanted = map_of(&all)?;
        match wanted.get_mut(*list) {
            Some(Value::Array(items)) => items.insert(0, entry.clone()),
            None | Some(Value::Null) => drop(wanted.insert((*list).to_owned(), json!([entry]))),
            Some(_) => return None,
        }
        let (range, inserted) = place_for(&all, list, entry)?;
        edits.push(Edit { at: range.start, removed: all.get(range.clone())?.to_owned(), inserted: inserted.len() });
        all.replace_range(range, &inserted);
        // the order of keys is no difference
        if map_of(&all)? != wanted {
            return None;
        }
    }
    Some((all, edits))
}

/// A text as it was before the edits.
pub(super) fn undone(text: &str, edits: &[Edit]) -> Option<String> {
    let mut all = text.to_owned();
    for edit in edits.iter().rev() {
        let end = edit.at.checked_add(edit.inserted)?;
        all.get(edit.at..end)?;
        all.replace_range(edit.at..end, &edit.removed);
    }
    Some(all)
}

/// A text without the entries of that name; `None` where that cannot be done safely.
pub(super) fn without(text: &str, name: &str) -> Option<String> {
    let mut all = text.to_owned();
    for (list, _) in LISTS {
        let mut wanted = map_of(&all)?;
        let Some(Value::Array(items)) = wanted.get_mut(list) else { continue };
        let Some(place) = items.iter().position(|one| one["name"] == name) else { continue };
        items.remove(place);
        all = without_item(&all, list, place)?;
        if map_of(&all)? != wanted {
            return None;
        }
    }
    Some(all)
}

/// The one map that a kubeconfig is.
pub(super) fn map_of(text: &str) -> Option<Map<String, Value>> {
    match parse(text).ok()?.to_value() {
        Value::Object(map) => Some(map),
        Value::Null => Some(Map::new()),
        _ => None,
    }
}

/// How the one map of a text is laid out.
struct Whole {
    /// It is written in braces.
    flow: bool,
    start: usize,
    entries: Vec<(Laid, Laid)>,
}

impl Whole {
    fn of(text: &str) -> Option<Self> {
        let mut documents = layout(text)?;
        let (1, Some(Laid { bytes, form: Form::Map { flow, entries }, .. })) = (documents.len(), documents.pop()) else { return None };
        Some(Self { flow, start: bytes.start, entries })
    }

    /// A list with its key.
    fn list(&self, text: &str, list: &str) -> Option<&(Laid, Laid)> {
        self.entries.iter().find(|(key, _)| text[key.bytes.clone()].trim_matches(['"', '\'']) == list)
    }
}

/// The bytes of which an entry takes the place, and how it is written there.
fn place_for(text: &str, list: &str, entry: &Value) -> Option<(Range<usize>, String)> {
    let at_the_end = || {
        let line_break = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        Some((text.len()..text.len(), format!("{line_break}{list}:\n{}", block(entry, 0))))
    };
    let Some(whole) = Whole::of(text) else { return at_the_end() };
    let flow = whole.flow;
    let Some((key, value)) = whole.list(text, list) else {
        if !flow {
            return at_the_end();
        }
        let (start, more) = (whole.start + 1, if whole.entries.is_empty() { "" } else { ", " });
        return Some((start..start, format!("{}: [{entry}]{more}", json!(list))));
    };
    let written = &text[value.bytes.clone()];
    let colon = key.bytes.end + text[key.bytes.end..].find(':')? + 1;
    match &value.form {
        Form::List(items) if written.starts_with('[') && (flow || !items.is_empty()) => {
            let (start, more) = (value.bytes.start + 1, if items.is_empty() { "" } else { ", " });
            Some((start..start, format!("{entry}{more}")))
        }
        Form::List(items) if !written.starts_with('[') => {
            let (line, indent) = dash(text, items.first()?)?;
            Some((line..line, block(entry, indent)))
        }
        // an empty list, or nothing
        _ if flow => Some((value.bytes.clone(), format!("[{entry}]"))),
        _ => {
            let end = if value.bytes.is_empty() { colon } else { value.bytes.end };
            (colon <= end).then(|| (colon..end, format!("\n{}", block(entry, 0).trim_end())))
        }
    }
}

/// A text without the item of a list at that place.
fn without_item(text: &str, list: &str, place: usize) -> Option<String> {
    let whole = Whole::of(text)?;
    let (key, value) = whole.list(text, list)?;
    let Form::List(items) = &value.form else { return None };
    let item = items.get(place)?;
    if text[value.bytes.clone()].starts_with('[') {
        let (from, to) = match (items.get(place + 1), place.checked_sub(1).and_then(|before| items.get(before))) {
            (Some(next), _) => (item.bytes.start, next.bytes.start),
            (None, Some(before)) => (before.bytes.end, item.bytes.end),
            (None, None) => (item.bytes.start, item.bytes.end),
        };
        return Some(format!("{}{}", &text[..from], &text[to..]));
    }
    let (from, _) = dash(text, item)?;
    let to = text[item.bytes.end..].find('\n').map_or(text.len(), |at| item.bytes.end + at + 1);
    if items.len() > 1 {
        return Some(format!("{}{}", &text[..from], &text[to..]));
    }
    let colon = key.bytes.end + text[key.bytes.end..].find(':')? + 1;
    Some(format!("{} []{}{}", &text[..colon], &text[colon..from], &text[to..]))
}

/// Where the line begins on which the dash of an item is, and how far the dash is from there.
fn dash(text: &str, item: &Laid) -> Option<(usize, usize)> {
    let line = text[..item.bytes.start].rfind('\n').map_or(0, |at| at + 1);
    let before = &text[line..item.bytes.start];
    let indent = before.len() - before.trim_start_matches(' ').len();
    before[indent..].starts_with('-').then_some((line, indent))
}

/// An entry as kubectl writes it.
fn block(entry: &Value, indent: usize) -> String {
    let scalar = |value: &Value| value.as_str().map_or_else(|| value.to_string(), text);
    let mut lines = Vec::new();
    for (field, value) in entry.as_object().into_iter().flatten() {
        match value {
            Value::Object(map) => {
                lines.push(format!("{field}:"));
                lines.extend(map.iter().map(|(key, value)| format!("  {key}: {}", scalar(value))));
            }
            value => lines.push(format!("{field}: {}", scalar(value))),
        }
    }
    let pad = " ".repeat(indent);
    let line = |(number, line): (usize, &String)| format!("{pad}{} {line}\n", if number == 0 { "-" } else { " " });
    lines.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: Q0E=\n    server: https://127.0.0.1:40001\n  name: kind-x\n\
                        contexts: []\nkind: Config\nusers:\n- name: kind-x\n  user:\n    client-certificate-data: Q1Q=\n    client-key-data: S0VZ\n";

    fn ours() -> Entries {
        entries(OURS, "tstack-x").unwrap()
    }

    /// Texts as people and programs write them.
    const TEXTS: [&str; 9] = [
        // as kubectl writes it
        "apiVersion: v1\nclusters:\n- cluster:\n    server: https://prod:6443\n  name: prod\ncontexts:\n- context:\n    cluster: prod\n    user: me\n  name: prod\n\
         current-context: prod\nkind: Config\npreferences: {}\nusers:\n- name: me\n  user:\n    token: t\n",
        // by hand, with comments, and without a line break at the end
        "# mine\nkind: Config\n\nclusters: # all\n  # the first\n  - name: prod   # careful\n    cluster: {server: \"https://prod:6443\"}\n\n  - {name: b, cluster: {server: 'https://b'}}\n\
         users:\n-   name: me\n    user: {token: t}\n# the end\ncontexts:\n- {name: prod, context: {cluster: prod, user: me}}",
        // new, by kubectl
        "apiVersion: v1\nclusters: []\ncontexts: []\ncurrent-context: \"\"\nkind: Config\npreferences: {}\nusers: []\n",
        "apiVersion: v1\nclusters: null\ncontexts:\nkind: Config\nusers: ~ # none\n",
        "kind: Config\r\nclusters:\r\n- name: prod\r\n  cluster: {server: https://prod}\r\n",
        r#"{"kind": "Config", "clusters": [{"name": "prod", "cluster": {"server": "https://prod"}}], "contexts": [], "users": null}"#,
        "{}",
        "",
        "# nothing yet\n",
    ];

    #[test]
    fn what_goes_in_comes_out_and_every_other_byte_stays() {
        for text in TEXTS {
            let (all, edits) = with(text, &ours()).unwrap_or_else(|| panic!("{text}"));
            for ((list, _), entry) in LISTS.iter().zip(ours()) {
                assert_eq!(find(&all, list, "tstack-x"), Some(entry), "{all}");
            }
            for line in text.lines().filter(|line| line.trim_start().starts_with(['#', '-'])) {
                assert!(all.contains(line), "`{line}` is not in\n{all}");
            }
            assert_eq!(undone(&all, &edits).as_deref(), Some(text), "{all}");
        }
    }

    #[test]
    fn entries_come_out_also_where_others_have_changed_the_text_meanwhile() {
        for text in TEXTS {
            let (all, _) = with(text, &ours()).unwrap();
            let changed = if text.starts_with('{') { all.clone() } else { format!("# a new head\n{all}") };
            let without = without(&changed, "tstack-x").unwrap_or_else(|| panic!("{changed}"));
            let plain = |text: &str| {
                let mut map = map_of(text).unwrap();
                map.retain(|_, value| !value.is_null() && *value != json!([]));
                map
            };
            assert_eq!(plain(&without), plain(text), "{without}");
            assert!(!without.contains("tstack-x"), "{without}");
        }
    }

    #[test]
    fn it_is_written_as_kubectl_writes_it() {
        insta::assert_snapshot!(with(TEXTS[0], &ours()).unwrap().0, @r"
        apiVersion: v1
        clusters:
        - cluster:
            certificate-authority-data: Q0E=
            server: https://127.0.0.1:40001
          name: tstack-x
        - cluster:
            server: https://prod:6443
          name: prod
        contexts:
        - context:
            cluster: tstack-x
            user: tstack-x
          name: tstack-x
        - context:
            cluster: prod
            user: me
          name: prod
        current-context: prod
        kind: Config
        preferences: {}
        users:
        - name: tstack-x
          user:
            client-certificate-data: Q1Q=
            client-key-data: S0VZ
        - name: me
          user:
            token: t
        ");
    }

    #[test]
    fn what_is_no_kubeconfig_is_left_alone() {
        for text in ["- a\n", "text", "a: [", "clusters: {}\n", "clusters: text\n", "a: 1\n---\nb: 2\n", "a: 1\na: 2\n"] {
            assert_eq!(with(text, &ours()), None, "{text}");
        }
    }
}
