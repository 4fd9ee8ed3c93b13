//! One thread that lives as long as the program, and starts its children.

use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

type Task = Box<dyn FnOnce() + Send>;

static NURSERY: OnceLock<Sender<Task>> = OnceLock::new();

/// Does something on that thread, within the caller's runtime. The kernel takes the end of the thread that started a child for the
/// end of its parent, and threads of a runtime may end when they please.
pub(super) async fn on_the_thread_that_stays<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> std::io::Result<T> {
    let nursery = NURSERY.get_or_init(|| {
        let (tasks, todo) = channel::<Task>();
        // it ends with the program: the sender is never dropped
        std::thread::spawn(move || todo.into_iter().for_each(|task| task()));
        tasks
    });
    let (done, result) = oneshot::channel();
    let runtime = Handle::current();
    let task = move || {
        let _within = runtime.enter();
        // who asked may have gone
        drop(done.send(act()));
    };
    let gone = || std::io::Error::other("the thread that starts programs is gone");
    nursery.send(Box::new(task)).map_err(|_| gone())?;
    result.await.map_err(|_| gone())
}
