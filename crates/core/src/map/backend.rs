//! The backends that read the bytes of a file, and the handling of SIGBUS.

/// How the bytes of a file are read. It changes speed and failure modes, never a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Backend {
    /// [`Mapped`](Self::Mapped), but [`Positioned`](Self::Positioned) on network and FUSE
    /// filesystems (NFS, SMB, 9p, Ceph, AFS, Lustre, GPFS, sshfs …), for a file that cannot be
    /// mapped, and on systems other than Linux, macOS and Windows.
    /// [`Array::backend`](crate::Array::backend) tells which it is.
    #[default]
    Auto,
    /// One read-only mapping, shared by all workers. The fastest for files in the page cache.
    ///
    /// Mappings are guarded against SIGBUS (see [`BusErrors`]). Once 4096 are guarded, further
    /// files use positioned reads.
    Mapped,
    /// Positioned reads into each worker's own buffer. No page fault can kill the process.
    Positioned,
}

/// Who handles SIGBUS, the signal that the system sends if a mapped page is unavailable: the file
/// was truncated, its device failed, or a full disk has no space for a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum BusErrors {
    /// The crate: it becomes [`Error::Fault`](crate::Error::Fault), at the end of the chunk at the
    /// latest.
    ///
    /// The first mapping installs a handler for the whole process, chained to the previous one:
    /// signals that do not concern a mapping of the crate go to the previous handler or action. A
    /// handler that is installed later must be chained to this one with all arguments
    /// (`SA_SIGINFO`). Threads that use arrays must not block SIGBUS: the system would kill the
    /// process at once. Linux and macOS; elsewhere there is no handler.
    #[default]
    Guarded,
    /// The host, for programs that use SIGBUS themselves: nothing is installed for this array, and
    /// **without a handler of the host a truncated file kills the process.**
    Host,
}
