//! `tstack explain`.

use super::shown::Shown;
use crate::failure::Failure;
use crate::{lint, report};

pub(super) fn run(rule: Option<&str>, shown: &mut Shown) -> Result<u8, Failure> {
    let Some(rule) = rule else {
        let text = if shown.json() {
            let all: Vec<_> = lint::Page::all().map(|page| brief(&page)).collect();
            report::json_document(&all)
        } else {
            report::pages(shown.mode.stdout)
        };
        return shown.data(&text).map(|()| 0);
    };
    let page = lint::page(rule).ok_or_else(|| Failure::usage(lint::unknown_rule(rule)))?;
    let text = if shown.json() {
        let mut page_json = brief(&page);
        page_json["text"] = page.text.into();
        report::json_document(&page_json)
    } else {
        report::page(&page, shown.mode.stdout)
    };
    shown.data(&text).map(|()| 0)
}

fn brief(page: &lint::Page) -> serde_json::Value {
    serde_json::json!({"rule": page.rule, "name": page.name, "severity": page.severity, "title": page.title})
}
