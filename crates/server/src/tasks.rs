//! The one place of the server that starts asynchronous tasks, so that each of them has a name for
//! why it may outlive the one who started it.

use std::future::Future;
use tokio::task::JoinHandle;

/// Starts a task on the runtime.
#[expect(clippy::disallowed_methods, reason = "the one home of tasks")]
pub fn spawn<F>(_why: &'static str, task: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(task)
}
