//! Images.

use super::pods::Workload;
use crate::lint::set::Set;
use crate::lint::sink::Sink;

/// Nobody can tell what runs, nor go back to it.
pub(super) fn no_version(set: &Set, sink: &mut Sink) {
    for workload in Workload::all(set) {
        let init = workload.template.at("/spec/initContainers").into_iter().flat_map(|place| place.items());
        for place in workload.containers().chain(init).filter_map(|container| container.get("image")) {
            let Some(image) =
                place.text().filter(|image| !image.is_empty() && !image.contains('@') && !image.contains('$') && !image.contains("{{"))
            else {
                continue;
            };
            let name = image.rsplit('/').next().unwrap_or(image);
            let why = match name.split_once(':') {
                None => "has no tag, which means latest",
                Some((_, "latest")) => "has the tag latest",
                Some(_) => continue,
            };
            let pull = place.entry.at(&format!("{}/imagePullPolicy", place.pointer().trim_end_matches("/image")));
            let pulls = if pull.is_none() { ", and every start of a pod asks the registry for it" } else { "" };
            sink.at(
                &place,
                format!("{image} {why}: two pods of one Deployment may run two versions, and there is no version to go back to{pulls}"),
                format!("Name a version: {}:1.0.0.", image.trim_end_matches(":latest")),
            );
        }
    }
}
