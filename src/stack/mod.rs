//! The stack file and what it means.
//!
//! Purpose: turn the bytes of a stack folder into a [`Stack`] in which every name is resolved, or into all findings at once.
//! Reads: bytes it is given. Writes: nothing.
//! Must not: do I/O, use tokio, the clock or the environment, or use another room than `yaml` and `input`.

mod certificate;
mod checks;
mod components;
mod file;
mod folder;
mod image;
mod manifests;
mod model;
mod object;
mod order;
mod overlay;
mod ports;
mod resolve;
mod schema;
mod shipped;
mod values;

pub use certificate::{AUTHORITY_NAME, AUTHORITY_NAMESPACE, certificate_objects, secret_objects};
pub use file::*;
pub use folder::{Folder, Overrides};
pub use image::{ImageRef, ImageRefError};
pub use model::*;
pub use object::{Object, ObjectId};
pub use ports::port_parameters;
pub use resolve::{DEFAULT_NODE_IMAGE, resolve};
pub use schema::schema;
pub use shipped::{shipped, shipped_folder};

pub use crate::input::{API_VERSION, Finding, Findings, parse_duration};

#[cfg(test)]
mod tests;
