//! What a plan will need of the machine.

use std::collections::BTreeSet;

use crate::plan::{Action, Plan};

/// Something that a plan uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// The program kind.
    Kind,
    /// The program helm.
    Helm,
    /// A container that is to be a node.
    Node,
    /// Room for images in the engine.
    Images,
    /// A daemon of ours on this machine, with its socket.
    Daemon,
    /// Anything that is to be written down.
    State,
}

/// What is to be looked at; nothing of it where nothing will use it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    all: BTreeSet<Need>,
    /// Ports of 127.0.0.1.
    pub(super) ports: Vec<u16>,
}

impl Needs {
    /// What a plan needs; `supervised` where a supervisor runs already and holds its ports itself.
    pub(super) fn of(plan: &Plan, supervised: bool) -> Self {
        let mut needs = Self::default();
        if !plan.is_empty() {
            needs.all.insert(Need::State);
        }
        // a half-made cluster of ours holds them itself, and goes first
        let replaces = plan.steps().iter().any(|step| matches!(step.action, Action::DeleteCluster));
        for step in plan.steps() {
            match &step.action {
                Action::CreateCluster { ports, .. } => {
                    needs.all.extend([Need::Kind, Need::Node]);
                    if !replaces {
                        needs.ports.extend(ports.iter().map(|port| port.host));
                    }
                }
                Action::DeleteCluster => needs.all.extend([Need::Kind]),
                Action::RestoreCluster { ports, replace, .. } => {
                    needs.all.extend([Need::Node, Need::Images]);
                    if !replace {
                        needs.ports.extend(ports.iter().map(|port| port.host));
                    }
                }
                Action::PullImage { .. } | Action::LoadImages { .. } => needs.all.extend([Need::Images]),
                Action::PullChart { .. } | Action::InstallChart { .. } | Action::UninstallChart { .. } => needs.all.extend([Need::Helm]),
                Action::StartForwarder { routes } => {
                    needs.all.extend([Need::Daemon]);
                    needs.ports.extend(routes.iter().map(|route| route.host));
                }
                Action::StartSupervisor { exposures, .. } => {
                    needs.all.extend([Need::Daemon]);
                    if !supervised {
                        needs.ports.extend(exposures.iter().map(|exposure| exposure.host));
                    }
                }
                _ => {}
            }
        }
        needs
    }

    /// Whether something of the plan uses that.
    pub(super) fn has(&self, need: Need) -> bool {
        self.all.contains(&need)
    }
}
