//! What a running stack proves of specifications, configurations and rules. One stack serves all of it.

mod beside;
mod fixtures;
mod pages;

use std::path::PathBuf;

use tstack::ops::Setup;
use tstack::world::kube::Cluster;
use tstack::world::registry::Mirrors;

use crate::support::Sandbox;

/// A stack that runs, as the library sees it.
pub(crate) struct Stack {
    pub setup: Setup,
    pub name: String,
}

impl Stack {
    /// The stack `name` of a scenario.
    pub(crate) fn of(s: &Sandbox, name: &str) -> Self {
        Self::at(s.state(), s.home(), name)
    }

    pub(crate) fn at(state: PathBuf, home: PathBuf, name: &str) -> Self {
        let setup = Setup {
            state,
            path: std::env::var_os("PATH").unwrap_or_default(),
            docker_host: std::env::var("DOCKER_HOST").ok(),
            home: Some(home),
            runtime: None,
            program: PathBuf::from(env!("CARGO_BIN_EXE_tstack")),
            mirrors: Mirrors::default(),
        };
        Self { setup, name: name.to_owned() }
    }

    /// A client lives in the runtime that it was made in.
    async fn cluster(&self) -> Cluster {
        let kubeconfig = self.setup.state.join(&self.name).join("kubeconfig");
        Cluster::connect(&kubeconfig, None).await.unwrap()
    }
}

/// Everything that is proven beside a running stack.
pub(crate) fn proofs(stack: &Stack) {
    fixtures::the_api_server_agrees_with_the_schemas(stack);
    pages::the_cluster_agrees_with_the_rules(stack);
    beside::a_stack_is_proven_beside_itself(stack);
    beside::a_cancel_leaves_nothing(stack);
    beside::what_a_controller_refuses_ends_it_with_its_word_and_leaves_nothing(stack);
}
