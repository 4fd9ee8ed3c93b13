//! One file for each kind of step.

mod charts;
mod checks;
mod cluster;
mod forwarder;
mod host;
mod images;
mod kubeconfig;
mod network;
mod node;
mod objects;
mod ready;
mod remove;
mod snapshot;
mod trust;

pub use checks::run_check;
pub use ready::judge;

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{Context, Signals};
use crate::failure::Failure;
use crate::plan::{Action, Made, OWNER_LABEL, Step};

/// Makes a namespace that charts or Secrets live in, where it is absent; it is noted as ours then.
async fn ensure_namespace(context: &Context, name: &str) -> Result<(), Failure> {
    let labels = BTreeMap::from([(OWNER_LABEL.to_owned(), context.folder.name().to_owned())]);
    if context.cluster().await?.ensure_namespace(name, &labels).await? {
        context.note(|record| record.add(Made::Namespace { name: name.to_owned() }))?;
    }
    Ok(())
}

/// Does one step.
pub(super) async fn act(context: &Context, step: Step, signals: &Signals) -> Result<(), Failure> {
    let deadline = Instant::now() + step.deadline;
    match step.action {
        Action::PullImage { image } => images::pull(context, &image, signals).await,
        Action::LoadImages { images } => images::load(context, &images, signals).await,
        Action::BuildImage { component } => images::build(context, &component, signals).await,
        Action::CreateCluster { image, ports } => cluster::create(context, &image, &ports, signals).await,
        Action::AwaitNode => node::takes_images(context, signals, deadline).await,
        Action::AwaitServer => node::server_answers(context, signals, deadline).await,
        Action::BakeNode { name } => snapshot::bake(context, &name, deadline, signals).await,
        Action::SaveSnapshot { name } => snapshot::save(context, &name, signals).await,
        Action::RestoreCluster { snapshot, ports, replace } => {
            snapshot::restore(context, &snapshot, &ports, replace, deadline, signals).await
        }
        Action::StartCluster => cluster::start(context, signals, deadline).await,
        Action::PauseCluster { release_memory } => cluster::pause(context, release_memory, signals).await,
        Action::DeleteCluster => cluster::delete(context, signals).await,
        Action::ExportContext { kubeconfig } => self::kubeconfig::export(context, &kubeconfig).await,
        Action::WithdrawContext { kubeconfig } => self::kubeconfig::withdraw(context, &kubeconfig, signals).await,
        Action::WithdrawTrust { anchor } => trust::withdraw(context, &anchor, signals).await,
        Action::RemoveNetwork => network::remove(context, signals).await,
        Action::PullChart { component } => charts::pull(context, &component, signals).await,
        Action::ApplyDefinitions { component } => charts::define(context, &component, deadline, signals).await,
        Action::InstallChart { component, digest, heal } => charts::install(context, &component, &digest, heal, signals).await,
        Action::UninstallChart { namespace, release } => charts::uninstall(context, &namespace, &release, signals).await,
        Action::CreateAuthority => objects::create_authority(context),
        Action::ApplyObjects { component } => objects::apply(context, &component, deadline, signals).await,
        Action::DeleteObjects { ids } => objects::delete(context, &ids, deadline, signals).await,
        Action::AwaitReady { component } => ready::wait(context, &component, deadline, signals).await,
        Action::StartForwarder { routes } => forwarder::start(context, &routes).await,
        Action::StopForwarder => forwarder::stop(context).await,
        Action::ObtainProgram { program } => host::obtain(context, &program, signals).await,
        Action::StartSupervisor { programs, exposures, metrics } => host::start(context, &programs, exposures, metrics).await,
        Action::StopSupervisor => host::stop(context).await,
        Action::SkipCheck { check, kind, reason } => {
            checks::skip(&check, &kind, &reason, signals);
            Ok(())
        }
        Action::RunCheck { check } => checks::run(context, &check, signals).await,
        Action::RemoveState => remove::state(context),
    }
}
