//! A task, and what a client may say about one.

use std::time::SystemTime;

use serde::{Serialize, Serializer};

/// One task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Task {
    /// Given by the store, never used twice.
    pub id: u64,
    /// One line of text.
    pub title: String,
    /// Free text, possibly empty.
    pub description: String,
    /// Whether the task is finished.
    pub done: bool,
    /// When the task was stored.
    #[serde(serialize_with = "rfc3339")]
    pub created_at: SystemTime,
    /// When the task last changed; never before `created_at`.
    #[serde(serialize_with = "rfc3339")]
    pub updated_at: SystemTime,
}

/// The whole of what a client says about a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// See [`Task::title`].
    pub title: String,
    /// See [`Task::description`].
    pub description: String,
    /// See [`Task::done`].
    pub done: bool,
}

/// Part of what a client says about a task; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// See [`Task::title`].
    pub title: Option<String>,
    /// See [`Task::description`].
    pub description: Option<String>,
    /// See [`Task::done`].
    pub done: Option<bool>,
}

impl From<Draft> for Change {
    fn from(Draft { title, description, done }: Draft) -> Self {
        Self { title: Some(title), description: Some(description), done: Some(done) }
    }
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*time))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339_in_utc() {
        let at = UNIX_EPOCH + Duration::from_millis(1_500);
        let (title, description) = (String::new(), String::new());
        let task = Task { id: 1, title, description, done: false, created_at: at, updated_at: at };
        let json = serde_json::to_value(task).unwrap();
        assert_eq!(json["created_at"], "1970-01-01T00:00:01.500Z");
    }
}
