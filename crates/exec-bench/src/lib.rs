//! The benchmarks of rowmill: the limits of this machine and file. The binaries are thin; all
//! measuring is here.
//!
//! | binary | asks | here |
//! |---|---|---|
//! | `limit` | how fast can this file be read, and how close do the kernels come? | [`report`] |
//! | `wall` | does every kind of job come as close to that as it should? | [`wall`] |
//! | `access-patterns` | in which order, and how reached, do rows come fastest? | [`patterns`] |
//! | `tune-chunks` | which chunk size, workers and backend suit this file here? | [`tune`] |
//! | `advise` | is this file best mapped, read or loaded? | [`advise`] |
//! | `gather` | how fast do random rows come, warm and cold? | [`gather`] |
//! | `guard` | what does it cost that a file may shrink? | [`guard`] |
//! | `compare` | how fast are other libraries? (see `bench/compare/run`) | [`compare`] |
//!
//! The first two time jobs in turns ([`measure`]) against the fastest bare reads and writes that we
//! know ([`limit`]). Reports are text, JSON or charts ([`output`], [`chart`]).

pub mod advise;
pub mod cache;
pub mod chart;
pub mod compare;
mod error;
mod files;
pub mod gather;
pub mod guard;
pub mod limit;
pub mod load;
pub mod machine;
pub mod measure;
pub mod output;
pub mod patterns;
pub mod report;
pub mod scan;
pub mod tune;
pub mod wall;

pub use error::{Error, Result};
