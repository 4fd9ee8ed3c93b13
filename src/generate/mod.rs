//! From a specification to the objects that give the service what it needs.
//!
//! Purpose: Kubernetes objects as text that people read: ordered, namespaced, each choice with its reason beside it.
//! Reads: a specification. Writes: nothing.
//! Must not: do I/O, or decide what the specification leaves open: `spec` fills its defaults in.

mod ask;
mod decide;
mod document;
mod resources;
mod stack_folder;
mod templates;

pub use ask::{Dialogue, Prompt, Reply};
pub use decide::{Answer, Decision, decide};
pub use document::{Document, MANAGED_BY, SPEC_DIGEST, files, render};
pub use stack_folder::stack_folder;
pub use templates::{Template, TemplateParameter, template, templates};

use crate::spec::ServiceSpec;

/// The objects of a specification, in the order in which they are needed.
#[must_use]
pub fn objects(spec: &ServiceSpec) -> Vec<Document> {
    let mut all = Vec::new();
    all.extend(resources::namespace(spec));
    all.extend(resources::workloads(spec));
    all.extend(resources::certificate(spec));
    all.extend(resources::gateway(spec));
    all.extend(resources::routes(spec));
    all.extend(resources::traffic_policy(spec));
    all.extend(resources::security_policy(spec));
    all.extend(resources::client_policy(spec));
    all.extend(resources::scaler(spec));
    all.extend(resources::budgets(spec));
    all
}

#[cfg(test)]
mod tests;
