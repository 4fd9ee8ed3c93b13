//! `tstack verify`.

use tokio_util::sync::CancellationToken;

use super::args::{Global, Verify};
use super::shown::{Shown, exit_code};
use super::source;
use crate::env::Env;
use crate::failure::Failure;
use crate::world::files;
use crate::{ops, report};

pub(super) async fn run(global: &Global, args: &Verify, env: &Env, shown: &mut Shown, cancel: &CancellationToken) -> Result<u8, Failure> {
    let (setup, _) = source::setup(global, env)?;
    let name = source::existing(global, &setup)?;
    let stack = source::recorded(global, &setup, &name)?
        .ok_or_else(|| Failure::preflight(format!("`{name}` is not up")).hint("`tstack up` brings it up."))?;
    let report = ops::verify(&setup, &name, stack, args.deep, shown.listener(&setup), cancel).await?;
    shown.checks(&report.told)?;
    if let Some(path) = &args.junit {
        files::write_report(path, report::junit(&report.told.checks, &format!("tstack {name}")).as_bytes())?;
    }
    Ok(exit_code(&report.told))
}
