//! Ctrl-C and SIGTERM: the job stops within a chunk, and nothing unfinished stays behind.
//!
//! ```text
//!   no job runs       the signal ends the process, as without a handler
//!   a job runs        the first one cancels it, and the command ends with 128 + its number
//!                     the second one ends the process at once, with the same code
//! ```

use rowmill::CancelToken;

/// The exit code of a command that SIGINT ended.
const SIGINT_CODE: u8 = 130;

/// A guard: while it lives, signals cancel the jobs of its token.
#[derive(Debug)]
pub(crate) struct Interruptible {
    token: CancelToken,
}

impl Interruptible {
    /// The token for the jobs.
    pub(crate) fn token(&self) -> CancelToken {
        self.token.clone()
    }
}

#[cfg(unix)]
mod handlers {
    use std::io;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{Arc, OnceLock};

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;

    use super::{CancelToken, Interruptible, SIGINT_CODE};

    /// The flags that the handlers read and set, one set for the process.
    struct Flags {
        /// No job runs.
        idle: Arc<AtomicBool>,
        /// A signal came while a job ran.
        cancelled: Arc<AtomicBool>,
        /// Its number.
        signal: Arc<AtomicUsize>,
    }

    static FLAGS: OnceLock<Flags> = OnceLock::new();

    fn install() -> io::Result<Flags> {
        let flags =
            Flags { idle: Arc::default(), cancelled: Arc::default(), signal: Arc::default() };
        for signal in [SIGINT, SIGTERM] {
            let code = 128 + signal;
            // In this order: a second signal finds the flag that the first one set.
            flag::register_conditional_default(signal, Arc::clone(&flags.idle))?;
            flag::register_conditional_shutdown(signal, code, Arc::clone(&flags.cancelled))?;
            flag::register_usize(signal, Arc::clone(&flags.signal), signal as usize)?;
            flag::register(signal, Arc::clone(&flags.cancelled))?;
        }
        Ok(flags)
    }

    impl Interruptible {
        pub(crate) fn begin() -> io::Result<Self> {
            let flags = match FLAGS.get() {
                Some(flags) => flags,
                None => {
                    let flags = install()?;
                    FLAGS.get_or_init(|| flags)
                }
            };
            flags.idle.store(false, Ordering::SeqCst);
            Ok(Self { token: CancelToken::from(Arc::clone(&flags.cancelled)) })
        }
    }

    impl Drop for Interruptible {
        fn drop(&mut self) {
            if let Some(flags) = FLAGS.get() {
                flags.idle.store(true, Ordering::SeqCst);
            }
        }
    }

    /// The exit code of a command whose job was cancelled.
    pub(crate) fn exit_code() -> u8 {
        let signal = FLAGS.get().map_or(0, |flags| flags.signal.load(Ordering::SeqCst));
        u8::try_from(signal).ok().filter(|&n| n > 0).map_or(SIGINT_CODE, |n| 128 + n)
    }
}

#[cfg(not(unix))]
mod handlers {
    use super::{CancelToken, Interruptible, SIGINT_CODE};

    impl Interruptible {
        /// Elsewhere the system ends the process.
        pub(crate) fn begin() -> std::io::Result<Self> {
            Ok(Self { token: CancelToken::new() })
        }
    }

    pub(crate) fn exit_code() -> u8 {
        SIGINT_CODE
    }
}

pub(crate) use handlers::exit_code;
