//! The stack file and what it means.
//!
//! Purpose: turn the bytes of a stack folder into a [`Stack`] in which every name is resolved, or into all findings at once.
//! Reads: bytes it is given. Writes: nothing.
//! Must not: do I/O, use tokio, the clock or the environment, or use another room than `yaml` and `failure`.

mod certificate;
mod file;
mod image;
mod model;
mod object;

pub use certificate::{AUTHORITY_NAME, AUTHORITY_NAMESPACE, certificate_objects};
pub use file::*;
pub use image::{ImageRef, ImageRefError};
pub use model::*;
pub use object::{Object, ObjectId};
