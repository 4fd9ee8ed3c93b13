//! The forwarder daemon: started, ended.

use crate::exec::Context;
use crate::failure::Failure;
use crate::forward::{self, Route, Spec};
use crate::stack::Exposure;
use crate::state::Target;

pub(super) async fn start(context: &Context, routes: &[Exposure]) -> Result<(), Failure> {
    let record = context.record();
    let near = matches!(record.target, Target::Kind { .. });
    let (kubeconfig, name) = match record.target {
        Target::Kind { .. } => (context.folder.kubeconfig(), None),
        Target::Context { kubeconfig, context } => (kubeconfig, Some(context)),
        Target::Host => return Err(Failure::internal("the plan forwards, but the stack runs without a cluster")),
    };
    let identity = record.identity.ok_or_else(|| Failure::internal("the cluster has no identity yet"))?;
    let routes = routes.iter().map(|e| Route { name: e.name.clone(), host: e.host, service: e.service.clone() }).collect();
    let program = context.engines.program.clone();
    forward::start(&context.folder.path(), &Spec { kubeconfig, context: name, identity, near, routes }, &program).await?;
    Ok(())
}

pub(super) async fn stop(context: &Context) -> Result<(), Failure> {
    forward::stop(&context.folder.path()).await.map(|_| ())
}
