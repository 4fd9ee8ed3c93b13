//! The context of the cluster in a kubeconfig of the user.

use std::path::Path;

use crate::exec::{Context, Signals};
use crate::failure::Failure;
use crate::world::files;
use crate::world::kubeconfig::{self, Removed};

pub(super) async fn export(context: &Context, file: &Path) -> Result<(), Failure> {
    let cluster = context.kind_cluster()?;
    let ours = files::read_if_there(&context.folder.kubeconfig())?.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let before = context.record().exported.into_iter().find(|one| one.file == file);
    let change = kubeconfig::add(file, &cluster, &ours, before.as_ref()).await?;
    // noted before it is made: a crash from here on leaves a record of what there is to take out
    context.note(|record| {
        record.exported.retain(|one| one.file != file);
        record.exported.push(change.exported().clone());
    })?;
    change.write()
}

pub(super) async fn withdraw(context: &Context, file: &Path, signals: &Signals) -> Result<(), Failure> {
    let Some(exported) = context.record().exported.into_iter().find(|one| one.file == file) else { return Ok(()) };
    if kubeconfig::remove(&exported).await? == Removed::Changed {
        let by_hand = kubeconfig::kubectl(file, "delete-context", &exported.context);
        signals.note(format!(
            "`{}` in {} was changed since tstack put it there, and stays; `{by_hand}` removes it",
            exported.context,
            file.display()
        ));
    }
    context.note(|record| record.exported.retain(|one| one.file != file))
}
