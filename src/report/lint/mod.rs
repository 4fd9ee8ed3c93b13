//! What the linter found: for people, for scripts, for code scanning, for the log of a workflow.

mod diff;
mod github;
mod human;
mod json;
mod page;
mod sarif;

pub use diff::diff;
pub use github::github as lint_github;
pub use human::lint;
pub use json::json as lint_json;
pub use page::{page, pages};
pub use sarif::sarif as lint_sarif;
