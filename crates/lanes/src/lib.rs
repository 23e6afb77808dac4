//! The arithmetic of [rowmill](https://docs.rs/rowmill): what is done with one block of an array.
//!
//! A crate of its own because it is what takes long to compile: every loop for every element type
//! and instruction set. [`Lane::fold`](lanes::Lane::fold) is where they are compiled, once; the
//! engine above links them and is rebuilt in seconds. Made for `rowmill-exec`: nothing here is
//! meant to be used directly, and nothing is promised to stay.

pub mod arch;
pub mod fold;
pub mod lanes;
pub mod narrow;
pub mod wide;
