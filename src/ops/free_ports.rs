//! `--port auto`: where a port of the stack is taken, another one is chosen, once.

use std::collections::{BTreeMap, BTreeSet};

use super::session::{Session, before_the_first_step};
use super::up::UpOptions;
use crate::failure::Failure;
use crate::stack::{self, Folder, Overrides, Stack};
use crate::state::{Gate, reserved_ports};
use crate::world::engine::Container;
use crate::world::ports::{self, Owner};

/// How far from a port that is taken another one is looked for.
const REACH: u16 = 1000;
/// Lower ports need special rights on some systems.
const LOWEST: u16 = 1024;

/// What a choice of ports is made on: the stack as it was read, and its parameters that may be chosen.
#[derive(Clone)]
pub struct PortChoice {
    /// The stack's files.
    pub folder: Folder,
    /// What is laid over them.
    pub overrides: Overrides,
    /// Parameters whose port nobody has fixed, with the stack's own port.
    pub open: Vec<(String, u16)>,
}

/// Chooses the ports that are open, and reads the stack again with them. With the lock they are reserved, so that another `up` at the
/// same time chooses others. Gives what is worth a word.
///
/// # Errors
/// When it cannot be known which ports are taken, or none is free.
pub(super) async fn choose(session: &mut Session, options: &mut UpOptions) -> Result<Vec<String>, Failure> {
    let Some(PortChoice { folder, mut overrides, open }) = options.choose_ports.take().filter(|choice| !choice.open.is_empty()) else {
        // a record tells of it soon, and then for good
        if let Some(lock) = session.lock.as_mut().filter(|_| !session.recorded) {
            lock.reserve(&host_ports(&options.stack))?;
        }
        return Ok(Vec::new());
    };
    let containers = match &session.engine {
        Some(engine) => engine.containers(&[]).await.map_err(before_the_first_step)?,
        None => Vec::new(),
    };
    // `plan` only looks
    let gate = match &session.lock {
        Some(_) => Some(Gate::pass(session.folder.root(), "ports").await?),
        None => None,
    };
    let others = reserved_ports(&session.folder)?;
    let mut mine: BTreeSet<u16> =
        session.record.host_ports.iter().copied().chain(session.sight.ports.iter().map(|port| port.host)).collect();
    let mut told = Vec::new();
    for (parameter, wanted) in open {
        let port = pick(wanted, &mine, |port| taken(port, &containers, &others))?;
        if let Some((port, why)) = port {
            told.push(format!("Port {wanted} is taken by {why}: {parameter} is {port}, now and for as long as the stack stays."));
            overrides.set.push((format!("parameters.{parameter}"), port.to_string()));
            options.ports.insert(parameter, port);
            mine.insert(port);
        }
    }
    if !told.is_empty() {
        options.stack = stack::resolve(&folder, &overrides).map_err(stack::Findings::into_failure)?;
    }
    let wanted = host_ports(&options.stack);
    if let Some(lock) = &mut session.lock {
        lock.reserve(&wanted)?;
    }
    drop(gate);
    Ok(told)
}

/// Every port of this machine that a stack is reached by.
pub(super) fn host_ports(stack: &Stack) -> Vec<u16> {
    let mapped = stack.cluster.ports.iter().map(|port| port.host);
    let all: BTreeSet<u16> = mapped.chain(stack.expose.iter().map(|exposure| exposure.host)).collect();
    all.into_iter().collect()
}

/// The port to take in place of one that is taken, and by whom that is; `None` where it is free, or ours already.
fn pick(
    wanted: u16,
    mine: &BTreeSet<u16>,
    mut taken: impl FnMut(u16) -> Result<Option<String>, Failure>,
) -> Result<Option<(u16, String)>, Failure> {
    if mine.contains(&wanted) {
        return Ok(None);
    }
    let Some(why) = taken(wanted)? else { return Ok(None) };
    let first = if wanted < LOWEST { wanted + 8000 } else { wanted.saturating_add(1) };
    for port in first..=first.saturating_add(REACH) {
        if !mine.contains(&port) && taken(port)?.is_none() {
            return Ok(Some((port, why)));
        }
    }
    Err(Failure::preflight(format!("port {wanted} is taken by {why}, and so are the {REACH} after it"))
        .hint("Name another one with --set, such as --set parameters.httpPort=20080."))
}

/// Who has a port, or will have it: a stack that is paused, or about to be made, listens on nothing.
fn taken(port: u16, containers: &[Container], others: &BTreeMap<u16, String>) -> Result<Option<String>, Failure> {
    if let Some(name) = others.get(&port) {
        return Ok(Some(format!("the stack `{name}`")));
    }
    Ok(ports::who_listens(port, containers)?.map(|owner| match owner {
        Owner::Unknown => "somebody else".to_owned(),
        known => known.to_string(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(wanted: u16, mine: &[u16], busy: &[u16]) -> Option<u16> {
        let mine = mine.iter().copied().collect();
        pick(wanted, &mine, |port| Ok(busy.contains(&port).then(|| "x".to_owned()))).unwrap().map(|(port, _)| port)
    }

    #[test]
    fn the_next_free_port_is_taken_and_a_free_one_stays() {
        assert_eq!(chosen(8080, &[], &[]), None);
        assert_eq!(chosen(8080, &[], &[8080, 8081]), Some(8082));
        assert_eq!(chosen(8080, &[8081], &[8080]), Some(8082), "another port of the same stack");
        assert_eq!(chosen(8080, &[8080], &[8080]), None, "it is this stack's already");
        assert_eq!(chosen(80, &[], &[80]), Some(8080), "no special rights");
        assert_eq!(chosen(65534, &[], &[65534]), Some(65535));
    }

    #[test]
    fn where_none_is_free_that_is_said() {
        let failure = pick(8080, &BTreeSet::new(), |_| Ok(Some("nginx (process 7)".into()))).unwrap_err();
        assert_eq!(failure.what, "port 8080 is taken by nginx (process 7), and so are the 1000 after it");
    }
}
