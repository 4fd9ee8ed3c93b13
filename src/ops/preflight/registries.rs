//! Mirrors: each that a pull would use must answer as a registry, and serve what is pinned.

use std::collections::BTreeMap;

use super::super::session::Session;
use super::item::{Item, Subject};
use crate::failure::Failure;
use crate::plan::{Action, Plan};
use crate::stack::{ComponentKind, ImageRef, Stack};
use crate::world::registry::{Mirror, Served, manifest_digest, probe};

pub(super) async fn look(stack: &Stack, plan: &Plan, session: &Session) -> Vec<Item> {
    let mirrors = &session.setup.mirrors;
    let mut used: BTreeMap<String, (Mirror, Vec<ImageRef>)> = BTreeMap::new();
    for step in plan.steps() {
        let (mirror, image) = match &step.action {
            Action::PullImage { image } => (mirrors.resolve(image), Some(image)),
            Action::PullChart { component } => (chart_mirror(stack, component, session), None),
            _ => (None, None),
        };
        if let Some(mirror) = mirror {
            let entry = used.entry(mirror.to_string()).or_insert_with(|| (mirror.clone(), Vec::new()));
            entry.1.extend(image.cloned());
        }
    }
    let mut items = Vec::new();
    for (mirror, images) in used.values() {
        match probe(mirror).await {
            Err(failure) => items.push(Item::failed(Subject::Mirror, failure)),
            Ok(false) => {
                let words = format!("{mirror} is asked by the engine alone, which knows whom it trusts");
                items.push(Item::unknown(Subject::Mirror, words));
            }
            Ok(true) => {
                let problems = pinned(mirror, images).await;
                if problems.is_empty() {
                    items.push(Item::ok(Subject::Mirror, format!("{mirror} answers as a registry")));
                }
                items.extend(problems.into_iter().map(|failure| Item::failed(Subject::Mirror, failure)));
            }
        }
    }
    items
}

/// What a mirror has that is not what is pinned.
async fn pinned(mirror: &Mirror, images: &[ImageRef]) -> Vec<Failure> {
    let mut problems = Vec::new();
    for image in images.iter().filter(|image| image.digest.is_some()) {
        match manifest_digest(mirror, image).await {
            Ok(Served::Digest(served)) if Some(&served) != image.digest.as_ref() => problems.push(
                Failure::preflight(format!("{mirror} serves another {} than is pinned", image.name()))
                    .why(format!("pinned {}, served {served}", image.digest.as_deref().unwrap_or_default()))
                    .hint("Refresh the mirror, or correct the digest in the stack file."),
            ),
            Ok(_) => {}
            Err(failure) => problems.push(failure),
        }
    }
    problems
}

fn chart_mirror<'a>(stack: &Stack, component: &str, session: &'a Session) -> Option<&'a Mirror> {
    let ComponentKind::Helm(chart) = &stack.component(component)?.kind else { return None };
    let image = ImageRef::parse(chart.reference.strip_prefix("oci://")?).ok()?;
    session.setup.mirrors.resolve(&image)
}
