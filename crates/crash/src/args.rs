//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

/// Kills, fails and cuts off writers of array files, and checks what is left.
#[derive(Debug, Parser)]
#[command(name = "crash", version)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// T1: power is cut at random instants, on ext4 and XFS. Needs root and loop devices
    Power(Options),
    /// T2: each system call that changes a file is killed or fails. Needs strace
    Syscalls(Options),
    /// T3: kill -9 at random instants, again and again, then to the end
    Kill(Options),
    /// T4: the input shrinks, is replaced or overwritten under a scan
    Scan(Options),
    /// T5: no room, a file size limit, a read-only filesystem. Needs root
    Room(Options),
    /// All of them
    All(Options),
    /// The process that is struck
    #[command(hide = true)]
    Write(Job),
    /// A scan that checks nothing: the control of T4
    #[command(hide = true)]
    NaiveScan {
        /// The file that it reads
        file: PathBuf,
    },
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Options {
    /// The rowmill command [default: the one beside this binary]
    #[arg(long, value_name = "FILE")]
    pub(crate) rowmill: Option<PathBuf>,
    /// Where everything is made, and mounted [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) work: Option<PathBuf>,
    /// Many more rounds: half an hour and more
    #[arg(long)]
    pub(crate) long: bool,
    /// Only the writers whose name contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) only: String,
    /// The seed of the random instants
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// The work of one writer.
#[derive(Debug, ClapArgs)]
pub(crate) struct Job {
    /// The name of the writer
    pub(crate) writer: String,
    /// Where it writes
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// The array file that it reads
    #[arg(long)]
    pub(crate) input: PathBuf,
}
