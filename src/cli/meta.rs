//! Verbs about tstack itself.

use super::args::{SchemaOf, command};
use super::shown::Shown;
use crate::failure::Failure;
use crate::stack::{self, Overrides};
use crate::{report, spec};

pub(super) fn stacks(shown: &mut Shown) -> Result<u8, Failure> {
    let mut rows = Vec::new();
    for name in stack::shipped() {
        let overrides = Overrides { architecture: "amd64".into(), ..Overrides::default() };
        let description = stack::shipped_folder(name)
            .and_then(|folder| stack::resolve(&folder, &overrides).ok())
            .map(|stack| stack.description)
            .unwrap_or_default();
        rows.push(vec![name.to_owned(), description]);
    }
    let text = if shown.json() {
        let list: Vec<_> = rows.iter().map(|row| serde_json::json!({"name": row[0], "description": row[1]})).collect();
        report::json_line("stacks", &list)
    } else {
        report::table(&["STACK", "DESCRIPTION"], &rows, shown.mode.width, shown.mode.stdout)
    };
    shown.data(&text).map(|()| 0)
}

pub(super) fn schema(of: SchemaOf, shown: &mut Shown) -> Result<u8, Failure> {
    let schema = match of {
        SchemaOf::Stack => stack::schema(),
        SchemaOf::Service => spec::schema(),
    };
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    shown.data(&format!("{text}\n")).map(|()| 0)
}

pub(super) fn completions(shell: clap_complete::Shell, shown: &mut Shown) -> Result<u8, Failure> {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut command(), "tstack", &mut bytes);
    shown.data(&String::from_utf8_lossy(&bytes)).map(|()| 0)
}

pub(super) fn man(shown: &mut Shown) -> Result<u8, Failure> {
    let mut bytes = Vec::new();
    clap_mangen::Man::new(command()).render(&mut bytes).map_err(|e| Failure::internal("the manual page cannot be made").because(&e))?;
    shown.data(&String::from_utf8_lossy(&bytes)).map(|()| 0)
}
