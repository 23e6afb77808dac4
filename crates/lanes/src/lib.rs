//! The arithmetic of [rowmill](https://docs.rs/rowmill) within one block of an array.
//!
//! A crate of its own because it takes long to compile: every loop for every element type and
//! instruction set. [`Lane::fold`](lanes::Lane::fold) is where they are compiled, once; the engine
//! above links them and is rebuilt in seconds. Made for `rowmill-exec`: it is not meant to be used
//! directly, and nothing in it is stable.

pub mod arch;
pub mod fold;
pub mod lanes;
pub mod narrow;
pub mod wide;
