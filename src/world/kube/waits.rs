//! What a long call tells of its waiting.

use std::sync::{Mutex, PoisonError};

use super::OnWait;

/// Tells what is waited for, each text once until another comes.
pub(super) struct Waits<'a> {
    on_wait: OnWait<'a>,
    last: Mutex<String>,
}

impl<'a> Waits<'a> {
    pub(super) fn new(on_wait: OnWait<'a>) -> Self {
        Self { on_wait, last: Mutex::new(String::new()) }
    }

    pub(super) fn tell(&self, text: String) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != text {
            last.clone_from(&text);
            drop(last);
            (self.on_wait)(text);
        }
    }
}
