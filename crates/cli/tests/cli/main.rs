//! The `rowmill` command from outside: its output, its failures, and its exit codes.

mod answers;
mod append;
mod axes;
mod clean;
mod common;
mod describe;
mod durable;
mod failures;
mod fixtures;
#[cfg(unix)]
mod interrupt;
mod normalize;
mod outputs;
mod partial;
mod parts;
mod reduce;
mod report;
mod usage;
mod written;
