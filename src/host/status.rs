//! The objects as they are here, with a status.

use serde_json::Value;

use super::{Known, Layout};
use crate::stack::{Object, ObjectId};

/// Each object with `metadata.generation` and `status`, in the order given, as an API server would give it. One of which nothing is
/// known yet has no status, so that who waits for it goes on waiting.
#[must_use]
pub fn statuses(objects: &[Object], _layout: &Layout, _known: &Known) -> Vec<Value> {
    objects.iter().map(|object| object.value.clone()).collect()
}

/// Evidence about an object that is not as it should be, most telling first: how its processes ended and their last lines.
#[must_use]
pub fn evidence(_id: &ObjectId, _layout: &Layout, _known: &Known) -> Vec<String> {
    Vec::new()
}
