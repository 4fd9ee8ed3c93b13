//! Tells how every object is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::core::Core;
use super::reconcile::is_read;
use super::runs::Role;
use super::wire::{Seen, Trouble};
use crate::host::{self, Known};
use crate::stack::{Object, ObjectId};

impl Core {
    /// Puts the objects with their statuses where callers look.
    pub(super) fn publish(&mut self) {
        let objects: Vec<Object> = self.store.all().into_iter().map(|(_, object)| object).collect();
        let known = self.known();
        let values = host::statuses(&objects, &self.layout, &known);
        let seen = objects
            .iter()
            .zip(values)
            .map(|(object, value)| (object.id.clone(), Seen { object: Some(value), trouble: self.trouble(&object.id, &known) }));
        let all: BTreeMap<ObjectId, Seen> = seen.collect();
        self.published.send_if_modified(|published| {
            let changed = **published != all;
            if changed {
                *published = Arc::new(all);
            }
            changed
        });
    }

    fn known(&self) -> Known {
        let processes = self.layout.processes.iter().filter_map(|process| {
            let all: Vec<_> = self.runs.iter().filter(|(_, run)| run.name == process.name && run.process().is_some()).collect();
            let (_, newest) = all.iter().rfind(|(_, run)| !run.is_stopping())?;
            let older = u32::try_from(all.len().saturating_sub(1)).unwrap_or(u32::MAX);
            Some((process.name.clone(), newest.running(older)))
        });
        Known {
            generations: self.store.generations(),
            verdicts: self.verdicts.known(),
            processes: processes.collect(),
            listening: self.envoys.listening(),
        }
    }

    fn trouble(&self, id: &ObjectId, known: &Known) -> Option<Trouble> {
        if is_read(id) {
            return self.platform_trouble(id);
        }
        let why = host::evidence(id, &self.layout, known);
        (!why.is_empty()).then(|| Trouble { why, ..Trouble::default() })
    }

    fn platform_trouble(&self, id: &ObjectId) -> Option<Trouble> {
        if let Some(held) = self.held_back.get(id) {
            let instead = if held.before.is_some() { "What it was before is still in force." } else { "It is not in force." };
            return Some(Trouble {
                is_final: true,
                reason: format!("Envoy Gateway refuses it: {}", held.why),
                why: vec![instead.to_owned()],
                hints: vec!["Correct the field that is named, then run `tstack up` again.".to_owned()],
            });
        }
        if let Some((_, why)) = &self.refused {
            let reason = format!("Envoy Gateway refuses the newest resources, and works on with those before: {why}");
            return Some(Trouble { reason, ..Trouble::default() });
        }
        if let Some(failure) = &self.broken {
            return Some(Trouble { is_final: true, reason: failure.what.clone(), why: failure.why.clone(), hints: failure.hints.clone() });
        }
        if let Some((is_final, reason)) =
            self.envoys.trouble(&format!("{}/{}", id.namespace_or_default(), id.name)).filter(|_| id.kind == "Gateway")
        {
            return Some(Trouble { is_final, reason, ..Trouble::default() });
        }
        let (_, gateway) = self.runs.of(&Role::Gateway)?;
        let ended = gateway.pid.is_none() && !gateway.reason.is_empty();
        ended.then(|| Trouble {
            is_final: gateway.hopeless,
            reason: format!("Envoy Gateway {}", gateway.reason),
            why: vec![gateway.tail.join("\n")],
            hints: vec![format!("Read its log: {}", gateway.order.log.display())],
        })
    }
}
