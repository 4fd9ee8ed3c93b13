//! What is said of texts of every kind.

use super::*;
use crate::lint::run;

fn read(file: &str, bytes: &[u8], named: bool) -> Set {
    Reading::of(vec![Input::new(file, bytes.to_vec(), named)]).into_set(Surroundings::default())
}

/// The findings of a file that was named.
fn said(text: impl AsRef<[u8]>) -> String {
    let findings = run(&read("a.yaml", text.as_ref(), true));
    let line = |f: &crate::lint::Finding| format!("{}:{} {} {}. {}", f.line, f.column, f.rule, f.message, f.remedy);
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

const GOOD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

#[test]
fn what_is_no_yaml_is_told_in_words_that_help() {
    let items = |c: u8| if c == b'a' { "1,".repeat(10) } else { format!("*{},", char::from(c - 1)).repeat(10) };
    let bomb: Vec<String> = (b'a'..=b'g').map(|c| format!("{0}: &{0} [{1}]\n", char::from(c), items(c))).collect();
    let all = [
        said(""),
        said("# nothing\n---\n"),
        said([GOOD.as_bytes(), b"data: {a: \xffb}\n"].concat()),
        said(b"\xff\xfea\0p\0i\0"),
        said(b"PK\x03\x04\0\0"),
        said("a:\n\tb: 1\n"),
        said("a: 1\n\tb: 2\n"),
        said("a: &x\n  b: *x\n"),
        said(bomb.concat()),
        said("a: b: c\n"),
        said("a: @b\n"),
        said("a: 'it's'\n"),
        said("apiVersion: v1 kind: ConfigMap metadata: name: a\n"),
        said("{{- if .Values.x }}\napiVersion: v1\n{{- end }}\n"),
        said("apiVersion: v1\nmetadata: {name: {{ name }}-x}\n"),
        said("- a\n"),
        said("kind: ConfigMap\n"),
        said("services: {web: {image: x}}\n"),
        said("a: 1\n"),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    1:1 TS106 the file is empty. Name files that hold Kubernetes objects.
    1:1 TS106 the file holds no document, only comments. Name files that hold Kubernetes objects.
    4:11 TS101 the file is not UTF-8: byte 61 (0xff) begins no character. Save it as UTF-8.
    1:1 TS101 the file is UTF-16 (its first two bytes say so); kubectl reads UTF-8 alone. Save it as UTF-8.
    1:5 TS101 the file is no text: byte 4 is 0. Name files of YAML or JSON.
    2:1 TS101 this line is indented with a tab; YAML takes only blanks. Put blanks in place of the tab.
    2:1 TS101 this line is indented with a tab; YAML takes only blanks. Put blanks in place of the tab.
    2:6 TS101 this alias stands in what it stands for, so that it would have no end. Write the value out.
    6:8 TS101 the document holds too much: more than 200,000 values with its aliases written out, or more than 64 levels. Write the aliases out, or split the file.
    1:5 TS101 this is no YAML: mapping values are not allowed in this context. Put a value that holds `: ` in quotes, and keys of one map at one indentation.
    1:4 TS101 this is no YAML: unexpected character: `@'. Put the value in quotes.
    1:8 TS101 this is no YAML: invalid trailing content after single-quoted scalar. Close the quotes where the text ends; in single quotes a single quote is written `''`.
    1:20 TS101 the line breaks of this object are lost: `apiVersion` and `kind` are on one line. Put each key on a line of its own, indented below what it belongs to.
    1:1 TS102 this is a Helm template, and no YAML before Helm has filled it in. Lint what the chart renders: `helm template .. | tstack lint -`.
    2:18 TS102 this is a template (`{{ … }}` is no YAML), and no object before its values are filled in. Fill the values in, and lint what comes out.
    1:1 TS103 this is no Kubernetes object but a list. Name the files that hold the objects.
    1:1 TS103 this document is no Kubernetes object: it has no `apiVersion`. Begin each document with `apiVersion` and `kind`, as in `apiVersion: v1` and `kind: Service`.
    1:1 TS103 this is no Kubernetes object but a file of Docker Compose. Name the files that hold the objects.
    1:1 TS103 this is no Kubernetes object but a file of another program: it has neither `apiVersion` nor `kind`. Name the files that hold the objects.
    ");
}

#[test]
fn one_broken_document_hides_no_other() {
    let text = format!("{GOOD}---\na: [\n---\n{}---\n- b: }}\n", GOOD.replace("name: a", "name: b"));
    let set = read("a.yaml", text.as_bytes(), true);
    let lines: Vec<_> = set.entries().iter().map(|entry| entry.node.pos.line).collect();
    assert_eq!(lines, [1, 7]);
    assert_eq!(said(&text).lines().count(), 2, "{}", said(&text));
}

#[test]
fn lists_are_taken_apart_and_json_is_yaml() {
    let json = r#"{"apiVersion": "v1", "kind": "List", "items": [
	{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}},
	{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}}]}
]}"#;
    let set = read("a.json", json.as_bytes(), true);
    let places: Vec<_> = set.entries().iter().map(|e| (e.id.name.as_str(), e.node.pos.line, e.node.pos.column)).collect();
    assert_eq!(places, [("a", 2, 2), ("b", 3, 49)]);
}

#[test]
fn line_breaks_of_windows_and_the_mark_of_utf_8_change_no_place() {
    let set = read("a.yaml", format!("\u{feff}{GOOD}data:\n  b: [\n").replace('\n', "\r\n").as_bytes(), true);
    assert_eq!(run(&set).iter().map(|f| f.line).collect::<Vec<_>>(), [5]);
    let set = read("a.yaml", format!("\u{feff}{GOOD}data:\n  b: c\n").replace('\n', "\r\n").as_bytes(), true);
    let at = set.entries()[0].at("/data/b").unwrap();
    assert_eq!((at.pos().line, at.pos().column, at.text()), (5, 3, Some("c")));
}

#[test]
fn files_of_other_programs_in_a_folder_are_left_out_with_a_note() {
    let inputs = [("x/values.yaml", "a: 1\n"), ("x/compose.yml", "services: {}\n"), ("x/empty.yaml", ""), ("x/a.yaml", GOOD)];
    let inputs = inputs.map(|(file, text)| Input::new(file, text.as_bytes().to_vec(), false)).to_vec();
    let reading = Reading::of(inputs);
    assert_eq!(
        reading.notes,
        ["x/values.yaml: left out, it is a file of Helm values", "x/compose.yml: left out, it is a file of Docker Compose"]
    );
    let set = reading.into_set(Surroundings::default());
    assert_eq!((set.entries().len(), run(&set).len()), (1, 0));
}

#[test]
fn the_blocks_of_a_document_are_read_at_their_true_places() {
    let text = format!(
        "# Title\n\n```yaml\n{GOOD}```\n\n- item\n\n  ```yaml title=x\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {{name: b}}\n  data:\n    c: |\n      text\n  ```\n\n```bash\n# first\nkubectl apply -f x \\\n  --dry-run=server\n```\n```\n{{{{ no yaml\n```\n```yaml\nspec: ...\n```\n"
    );
    let set = read("a.md", text.as_bytes(), true);
    let places: Vec<_> = set.entries().iter().map(|e| (e.id.name.as_str(), e.node.pos.line, e.node.pos.column)).collect();
    assert_eq!(places, [("a", 4, 1), ("b", 12, 3)]);
    assert_eq!(set.entries()[1].text("/data/c"), Some("text\n"));
    let commands: Vec<_> = set.commands().iter().map(|c| (c.text.as_str(), c.pos.line)).collect();
    assert_eq!(commands, [("kubectl apply -f x --dry-run=server", 22)]);
    assert_eq!(run(&set), []);
}

#[test]
fn code_whose_line_breaks_were_lost_is_still_looked_at() {
    let text = "Check: ```bash kubectl apply --dry-run=server -f x\n\nbash\n# Apply kubectl apply -f y # Expected: done\n\nyaml\napiVersion: v1 kind: Service metadata: name: x\n";
    let set = read("a.txt", text.replace("Check", "```\nx\n```\nCheck").as_bytes(), true);
    let commands: Vec<_> = set.commands().iter().map(|c| (c.text.as_str(), c.pos.line, c.pos.column)).collect();
    assert_eq!(commands, [("kubectl apply --dry-run=server -f x", 4, 16), ("# Apply kubectl apply -f y # Expected: done", 7, 1)]);
    assert!(run(&set)[0].message.starts_with("the line breaks of this object are lost"), "{:?}", run(&set));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[-a{}\\[\\]:,\"'&*!|> \n\r#~`k\t]{0,80}") {
        for file in ["a.yaml", "a.md", "a.sh"] {
            let _ = run(&read(file, text.as_bytes(), true));
        }
    }
}
