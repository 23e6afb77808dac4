//! Writes that survive a crash intact, and never replace a file that a user would miss.

pub(crate) mod append;
mod atomic;
mod clean;
pub(crate) mod flush;
pub(crate) mod journal;
mod outputs;
pub(crate) mod publish;
mod sidecar;

pub use self::append::Appender;
pub use self::atomic::AtomicFile;
pub use self::clean::{CleanOptions, CleanOutcome, Leftover};
pub use self::flush::{FlushPolicy, Triggers};
pub use self::journal::{Journal, JournalHead, JournalRecord, check_journal, frame_journal};
pub use self::outputs::Outputs;
pub(crate) use self::sidecar::forget_checksums;
