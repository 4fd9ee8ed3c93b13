//! Helm releases.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tokio::time::Instant;

use crate::exec::{Context, Signals};
use crate::failure::Failure;
use crate::plan::Made;
use crate::stack::{Chart, Component, ComponentKind};
use crate::world::chart::kept;
use crate::world::helm::{Pull, Release};
use crate::world::kube::{Cluster, Definition};

const DEFINITION: (&str, &str) = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");

fn chart_of(component: &Component) -> Result<&Chart, Failure> {
    match &component.kind {
        ComponentKind::Helm(chart) => Ok(chart),
        _ => Err(Failure::internal(format!("component `{}` is no chart", component.name))),
    }
}

pub(super) async fn pull(context: &Context, component: &str, signals: &Signals) -> Result<(), Failure> {
    let chart = chart_of(context.component(component)?)?;
    let source = context.engines.mirrors.resolve_chart(&chart.reference);
    let folder = context.folder.chart(component, &chart.version);
    signals.waiting(format!("helm pulls {}", source.reference));
    let pull =
        Pull { reference: &source.reference, version: &chart.version, digest: chart.digest.as_deref(), plain_http: source.plain_http };
    context.helm()?.pull(&pull, &folder, &signals.cancel).await?;
    Ok(())
}

/// Helm neither lists, upgrades nor deletes what a chart has in its `crds` folders. So it is ours: applied as soon as there is an API
/// server, long before the images are in the node, and noted before it is made. What is there and not ours stays as it is.
pub(super) async fn define(context: &Context, component: &str, deadline: Instant, signals: &Signals) -> Result<(), Failure> {
    let listed = context.helm()?.definitions(&archive(context, component)?, &signals.cancel).await?;
    let cluster = context.cluster().await?;
    let fresh = Fresh::look(context, cluster).await?;
    let brought: Result<Vec<Definition>, _> = crate::yaml::parse_each(&listed).map(|one| one.map(|one| Definition::new(&one))).collect();
    drop(listed);
    let mut definitions = brought.map_err(|e| Failure::step("helm shows definitions that are not YAML").because(&e))?;
    definitions.retain(|definition| fresh.is(&definition.id.name));
    let names = definitions.iter().map(|definition| definition.id.name.clone()).collect();
    context.note(|record| record.add(Made::Definitions { component: component.to_owned(), names }))?;
    let applied = cluster.define_all(&definitions, deadline, &|reason| signals.waiting(reason)).await;
    if applied.is_err() {
        // what was not made is not ours: somebody else may make it later
        if let Ok(there) = cluster.names(DEFINITION.0, DEFINITION.1).await {
            context.note(|record| record.keep_definitions(component, &there))?;
        }
    }
    applied
}

pub(super) async fn install(context: &Context, component: &str, digest: &str, heal: bool, signals: &Signals) -> Result<(), Failure> {
    let chart = chart_of(context.component(component)?)?;
    let helm = context.helm()?;
    let cluster = context.cluster().await?;
    let archive = archive(context, component)?;
    if heal {
        signals.note(format!("release {} was stuck in a pending state; its unfinished revision is dropped", chart.release));
        cluster.drop_pending_revision(&chart.namespace, &chart.release).await?;
    }
    super::ensure_namespace(context, &chart.namespace).await?;
    let fresh = Fresh::look(context, cluster).await?;
    context.note(|record| {
        record.add(Made::Release { component: component.to_owned(), namespace: chart.namespace.clone(), name: chart.release.clone() });
    })?;
    signals.waiting(format!("helm installs {} in {}", chart.release, chart.namespace));
    let description = format!("tstack {digest}");
    let release = Release {
        name: &chart.release,
        namespace: &chart.namespace,
        archive: &archive,
        values: &chart.values,
        hooks: chart.hooks,
        description: &description,
    };
    helm.install(&release, &signals.cancel, &|line| signals.waiting(line.to_owned())).await?;
    // definitions among the templates, which Helm keeps where the chart asks for that
    let release = cluster.release(&chart.namespace, &chart.release).await?;
    let templated: Vec<String> =
        release.into_iter().flat_map(|r| r.manifest).filter(|id| id.kind == DEFINITION.1 && fresh.is(&id.name)).map(|id| id.name).collect();
    context.note(|record| record.add(Made::Definitions { component: component.to_owned(), names: templated }))
}

/// The chart's archive, which a step before has pulled.
fn archive(context: &Context, component: &str) -> Result<PathBuf, Failure> {
    let chart = chart_of(context.component(component)?)?;
    let folder = context.folder.chart(component, &chart.version);
    kept(&folder, chart.digest.as_deref())?.ok_or_else(|| {
        Failure::step(format!("the chart of {component} is no longer in {}, or was changed there", folder.display()))
            .hint("`tstack up` again pulls it.")
    })
}

/// Tells which definitions are ours: those that an earlier run noted, and those that nobody has made yet.
struct Fresh {
    there: BTreeSet<String>,
    ours: BTreeSet<String>,
}

impl Fresh {
    async fn look(context: &Context, cluster: &Cluster) -> Result<Self, Failure> {
        let there = cluster.names(DEFINITION.0, DEFINITION.1).await?;
        Ok(Self { there, ours: context.record().made.iter().filter_map(definitions_of).flatten().cloned().collect() })
    }

    fn is(&self, name: &str) -> bool {
        !self.there.contains(name) || self.ours.contains(name)
    }
}

pub(super) async fn uninstall(context: &Context, namespace: &str, release: &str, signals: &Signals) -> Result<(), Failure> {
    signals.waiting(format!("helm uninstalls {release} from {namespace}"));
    context.helm()?.uninstall(namespace, release, &signals.cancel).await
}

fn definitions_of(made: &Made) -> Option<&Vec<String>> {
    match made {
        Made::Definitions { names, .. } => Some(names),
        _ => None,
    }
}
