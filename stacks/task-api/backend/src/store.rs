//! The tasks: a bounded map in memory that knows nothing of HTTP and is told the time.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::SystemTime;

use serde::Serialize;

use crate::task::{Change, Draft, Task};

/// How many tasks a process keeps: 50 MB if each is as long as it may be, far less in practice.
pub const CAPACITY: usize = 10_000;

/// Some of the tasks, in the order of their ids.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Page {
    /// The tasks of this page.
    pub tasks: Vec<Task>,
    /// How many tasks there are altogether.
    pub total: usize,
    /// Where the next page starts, unless this is the last.
    pub next_cursor: Option<u64>,
}

/// The store holds as many tasks as it may.
#[derive(Debug, PartialEq, Eq)]
pub struct Full {
    /// How many that is.
    pub capacity: usize,
}

/// All tasks of this process.
#[derive(Debug)]
pub struct Store {
    tasks: BTreeMap<u64, Task>,
    last_id: u64,
    capacity: usize,
}

impl Store {
    /// An empty store for at most `capacity` tasks.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { tasks: BTreeMap::new(), last_id: 0, capacity }
    }

    /// Stores a new task.
    ///
    /// # Errors
    /// When the store is full.
    pub fn create(&mut self, draft: Draft, now: SystemTime) -> Result<Task, Full> {
        if self.tasks.len() >= self.capacity {
            return Err(Full { capacity: self.capacity });
        }
        self.last_id += 1;
        let Draft { title, description, done } = draft;
        let id = self.last_id;
        let task = Task { id, title, description, done, created_at: now, updated_at: now };
        self.tasks.insert(id, task.clone());
        Ok(task)
    }

    /// The task `id`.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<Task> {
        self.tasks.get(&id).cloned()
    }

    /// Changes the task `id` and answers what it became.
    pub fn update(&mut self, id: u64, change: impl Into<Change>, now: SystemTime) -> Option<Task> {
        let task = self.tasks.get_mut(&id)?;
        let Change { title, description, done } = change.into();
        task.title = title.unwrap_or_else(|| std::mem::take(&mut task.title));
        task.description = description.unwrap_or_else(|| std::mem::take(&mut task.description));
        task.done = done.unwrap_or(task.done);
        task.updated_at = task.updated_at.max(now);
        Some(task.clone())
    }

    /// Forgets the task `id`; false when there is none.
    pub fn delete(&mut self, id: u64) -> bool {
        self.tasks.remove(&id).is_some()
    }

    /// Up to `limit` tasks whose ids come after `cursor`; 0 is before the first.
    #[must_use]
    pub fn page(&self, cursor: u64, limit: usize) -> Page {
        let mut after = self.tasks.range((Bound::Excluded(cursor), Bound::Unbounded));
        let tasks: Vec<_> = after.by_ref().take(limit).map(|(_, task)| task.clone()).collect();
        let next_cursor = after.next().and(tasks.last()).map(|task| task.id);
        Page { tasks, total: self.tasks.len(), next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn filled(count: usize) -> Store {
        let mut store = Store::new(count);
        for number in 1..=count {
            let draft = Draft { title: format!("task {number}"), ..Draft::default() };
            store.create(draft, at(1)).unwrap();
        }
        store
    }

    #[test]
    fn a_full_store_refuses_until_a_task_goes_and_never_reuses_an_id() {
        let mut store = filled(2);
        assert_eq!(store.create(Draft::default(), at(2)), Err(Full { capacity: 2 }));
        assert!(store.delete(2));
        assert!(!store.delete(2));
        assert_eq!(store.create(Draft::default(), at(2)).unwrap().id, 3);
        assert_eq!(store.get(2), None);
    }

    #[test]
    fn a_change_touches_only_what_it_names_and_time_never_runs_backwards() {
        let mut store = filled(1);
        let done = Change { done: Some(true), ..Change::default() };
        let task = store.update(1, done, at(5)).unwrap();
        assert_eq!((task.title.as_str(), task.done), ("task 1", true));
        assert_eq!((task.created_at, task.updated_at), (at(1), at(5)));

        let task = store.update(1, Draft::default(), at(3)).unwrap();
        assert_eq!((task.title.as_str(), task.done), ("", false));
        assert_eq!(task.updated_at, at(5));
        assert_eq!(store.update(9, Draft::default(), at(6)), None);
    }

    #[test]
    fn pages_follow_each_other_to_the_end_even_when_tasks_vanish() {
        let mut store = filled(5);
        let ids = |page: &Page| page.tasks.iter().map(|task| task.id).collect::<Vec<_>>();
        let first = store.page(0, 2);
        assert_eq!((ids(&first), first.total, first.next_cursor), (vec![1, 2], 5, Some(2)));
        store.delete(2);
        let second = store.page(2, 2);
        assert_eq!((ids(&second), second.next_cursor), (vec![3, 4], Some(4)));
        let last = store.page(4, 2);
        assert_eq!((ids(&last), last.next_cursor), (vec![5], None));
        assert_eq!(store.page(u64::MAX, 2).tasks, []);
    }
}
