//! The clock of a measurement, which tests replace by one that does not wait.

use std::time::{Duration, Instant};

/// Tells the time.
pub trait Clock {
    /// Since some moment before the first call.
    fn now(&self) -> Duration;
}

/// The monotonic clock of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Monotonic(Instant);

impl Monotonic {
    /// From now on.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Monotonic {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl<C: Clock> Clock for &C {
    fn now(&self) -> Duration {
        (**self).now()
    }
}

/// A clock that advances only when it is told to.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Mock(std::cell::Cell<Duration>);

#[cfg(test)]
impl Mock {
    /// Advances it by so many seconds.
    pub(crate) fn pass(&self, seconds: f64) {
        self.0.set(self.0.get() + Duration::from_secs_f64(seconds));
    }
}

#[cfg(test)]
impl Clock for Mock {
    fn now(&self) -> Duration {
        self.0.get()
    }
}
