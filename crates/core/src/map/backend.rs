//! How the bytes of a file are reached, and who deals with SIGBUS.

/// How the bytes of a file are reached. It changes speed and failure modes, never a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Backend {
    /// [`Mapped`](Self::Mapped), but [`Positioned`](Self::Positioned) on network and FUSE
    /// filesystems (NFS, SMB, 9p, Ceph, AFS, Lustre, GPFS, sshfs …), where a file cannot be mapped,
    /// and on systems other than Linux, macOS and Windows.
    /// [`Array::backend`](crate::Array::backend) says what it is.
    #[default]
    Auto,
    /// One read-only mapping, shared by all workers. The fastest for files in the page cache.
    ///
    /// Mappings are guarded against SIGBUS (see [`BusErrors`]). When more than 4096 are, the next
    /// files are read at positions.
    Mapped,
    /// Positioned reads into each worker's own buffer. No page fault can kill the process.
    Positioned,
}

/// Who deals with SIGBUS, the signal that the system sends when a mapped page cannot be had: the
/// file was cut short, its device failed, or a full disk has no room for what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum BusErrors {
    /// The crate: it becomes [`Error::Fault`](crate::Error::Fault), at the end of the chunk at the
    /// latest.
    ///
    /// The first mapping installs a handler for the whole process. What does not concern a mapping
    /// of the crate goes to the handler that was there before, or has the default action. One that
    /// is installed later has to pass on the signal with all that it was told (`SA_SIGINFO`).
    /// Threads that use arrays must not have SIGBUS blocked: the system would end the process
    /// without asking. Linux and macOS; elsewhere there is no handler.
    #[default]
    Guarded,
    /// The host, for programs that have a use for SIGBUS of their own: nothing is installed for
    /// this array, and **without a handler of the host's a file that shrinks ends the process.**
    Host,
}
