//! Our own files go.

use crate::exec::Context;
use crate::failure::Failure;

pub(super) fn state(context: &Context) -> Result<(), Failure> {
    context.folder.remove()
}
