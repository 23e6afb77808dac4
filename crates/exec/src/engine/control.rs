//! Watching and stopping a job.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Stops a job from anywhere: another thread, a signal handler, the progress callback.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{CancelToken, Engine, Error, Sum};
/// let token = CancelToken::new();
/// let engine = Engine::builder().cancel(token.clone()).build()?;
/// token.cancel();
/// let x = SliceSource::new(&[1.0_f32], [1]).unwrap();
/// assert!(matches!(engine.reduce(&x, Sum::all()), Err(Error::Cancelled)));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CancelToken {
    used: Arc<AtomicBool>,
    /// Another token that stops the same jobs.
    also: Option<Arc<AtomicBool>>,
}

impl CancelToken {
    /// A token that has not been used.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the jobs of all engines that have the token, each within a chunk.
    pub fn cancel(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    /// Resets this token; other tokens that stop the same jobs are unaffected.
    pub fn reset(&self) {
        self.used.store(false, Ordering::Relaxed);
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let used = |token: &Arc<AtomicBool>| token.load(Ordering::Relaxed);
        used(&self.used) || self.also.as_ref().is_some_and(used)
    }

    /// A copy of this token that `other` stops as well.
    pub(crate) fn or(self, other: &Self) -> Self {
        Self { also: Some(Arc::clone(&other.used)), ..self }
    }
}

/// A flag that somebody else sets, such as a signal handler.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use rowmill_exec::CancelToken;
/// let flag = Arc::new(AtomicBool::new(false));
/// let token = CancelToken::from(Arc::clone(&flag));
/// flag.store(true, Ordering::Relaxed);
/// assert!(token.is_cancelled());
/// ```
impl From<Arc<AtomicBool>> for CancelToken {
    fn from(used: Arc<AtomicBool>) -> Self {
        Self { used, also: None }
    }
}

/// The progress of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The kind of job: `reduce`, `map`, `stream`, `rows`, `batches`.
    pub job: &'static str,
    /// Bytes of input processed so far.
    pub done: u64,
    /// Total bytes of input.
    pub total: u64,
    /// Time since the job began.
    pub elapsed: Duration,
}

/// The progress callback.
#[derive(Clone)]
pub(crate) struct Observer(pub(crate) Arc<dyn Fn(&Progress) + Send + Sync>);

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}
