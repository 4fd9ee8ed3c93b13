//! What a running stack proves of specifications, configurations and rules. One stack serves all of it.

mod beside;
mod fixtures;
mod pages;
mod specifications;
mod templates;

use std::path::PathBuf;

use tstack::ops::Setup;
use tstack::world::kube::Cluster;
use tstack::world::registry::Mirrors;

use crate::support::Sandbox;

/// A stack that runs, as the library sees it.
struct Stack {
    setup: Setup,
    name: String,
}

impl Stack {
    /// The stack `name` of a scenario.
    fn of(s: &Sandbox, name: &str) -> Self {
        let setup = Setup {
            began: tstack::world::clock::Start::now(),
            state: s.state(),
            path: std::env::var_os("PATH").unwrap_or_default(),
            docker_host: std::env::var("DOCKER_HOST").ok(),
            home: Some(s.home()),
            runtime: None,
            proxies: std::collections::BTreeMap::new(),
            program: PathBuf::from(env!("CARGO_BIN_EXE_tstack")),
            mirrors: Mirrors::default(),
            cache: std::env::temp_dir().join("tstack-cache"),
            root: "/".into(),
        };
        Self { setup, name: name.to_owned() }
    }

    /// A client lives in the runtime that it was made in.
    async fn cluster(&self) -> Cluster {
        let kubeconfig = self.setup.state.join(&self.name).join("kubeconfig");
        Cluster::connect(&kubeconfig, None).await.unwrap()
    }
}

/// Everything that is proven beside a running stack. The pages come last: their many namespaces go with the cluster.
pub(crate) fn proofs(s: &Sandbox, name: &str) {
    let stack = Stack::of(s, name);
    fixtures::the_api_server_agrees_with_the_schemas(&stack);
    specifications::what_is_generated_passes_the_api_server(&stack);
    templates::each_holds_on_the_cluster(s, name);
    beside::a_cancel_leaves_nothing(&stack);
    beside::what_a_controller_refuses_ends_it_with_its_word_and_leaves_nothing(&stack);
    pages::the_cluster_agrees_with_the_rules(&stack);
}
