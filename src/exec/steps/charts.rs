//! Helm releases.

use std::collections::{BTreeMap, BTreeSet};

use crate::exec::{Context, Signals};
use crate::failure::Failure;
use crate::plan::{Made, OWNER_LABEL};
use crate::stack::{Chart, Component, ComponentKind, ObjectId};
use crate::world::helm::{Release, archive_in};
use crate::world::kube::Cluster;

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
    context.helm()?.pull(&source.reference, &chart.version, source.plain_http, &folder, &signals.cancel).await?;
    Ok(())
}

pub(super) async fn install(context: &Context, component: &str, digest: &str, heal: bool, signals: &Signals) -> Result<(), Failure> {
    let chart = chart_of(context.component(component)?)?;
    let helm = context.helm()?;
    let cluster = context.cluster().await?;
    let folder = context.folder.chart(component, &chart.version);
    let archive = archive_in(&folder)?.ok_or_else(|| {
        Failure::step(format!("the chart of {component} is no longer in {}", folder.display())).hint("`tstack up` again pulls it.")
    })?;
    if heal {
        signals.note(format!("release {} was stuck in a pending state; its unfinished revision is dropped", chart.release));
        cluster.drop_pending_revision(&chart.namespace, &chart.release).await?;
    }
    let labels = BTreeMap::from([(OWNER_LABEL.to_owned(), context.folder.name().to_owned())]);
    if cluster.ensure_namespace(&chart.namespace, &labels).await? {
        context.note(|record| record.add(Made::Namespace { name: chart.namespace.clone() }))?;
    }
    let before = definitions(cluster).await?;
    // Helm neither lists nor deletes what a chart has in its crds folders, so it is noted here, before it is made
    let listed = helm.definitions(&archive, &signals.cancel).await?;
    let brought = names_in(&listed)?;
    let ours: BTreeSet<String> = context.record().made.iter().filter_map(definitions_of).flatten().cloned().collect();
    let fresh =
        |names: BTreeSet<String>| -> Vec<String> { names.into_iter().filter(|n| !before.contains(n) || ours.contains(n)).collect() };
    context.note(|record| {
        record.add(Made::Definitions { component: component.to_owned(), names: fresh(brought) });
        record.add(Made::Release { component: component.to_owned(), namespace: chart.namespace.clone(), name: chart.release.clone() });
    })?;
    signals.waiting(format!("helm installs {} in {}", chart.release, chart.namespace));
    let description = format!("tstack {digest}");
    let release =
        Release { name: &chart.release, namespace: &chart.namespace, archive: &archive, values: &chart.values, description: &description };
    if let Err(failure) = helm.install(&release, &signals.cancel, &|line| signals.waiting(line.to_owned())).await {
        // what the chart did not get to make is not ours: somebody else may make it later
        if let Ok(there) = definitions(cluster).await {
            context.note(|record| record.keep_definitions(component, &there))?;
        }
        return Err(failure);
    }
    // definitions among the templates, which Helm keeps where the chart asks for that
    let templated: BTreeSet<String> = cluster
        .releases()
        .await?
        .into_iter()
        .filter(|r| r.namespace == chart.namespace && r.name == chart.release)
        .flat_map(|r| r.manifest)
        .filter(|id| id.kind == DEFINITION.1)
        .map(|id| id.name)
        .collect();
    context.note(|record| record.add(Made::Definitions { component: component.to_owned(), names: fresh(templated) }))
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

async fn definitions(cluster: &Cluster) -> Result<BTreeSet<String>, Failure> {
    let found = cluster.list(DEFINITION.0, DEFINITION.1, None).await?;
    Ok(found.iter().map(|object| ObjectId::of(object).name).collect())
}

fn names_in(definitions: &str) -> Result<BTreeSet<String>, Failure> {
    let documents =
        crate::yaml::parse_all(definitions).map_err(|e| Failure::step("helm shows definitions that are not YAML").because(&e))?;
    Ok(documents.iter().map(|object| ObjectId::of(object).name).collect())
}
