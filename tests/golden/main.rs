//! The golden corpus: answers as bits, recorded once, that every later version is held against.
//!
//! `case.rs` says in plain words what is asked, `input.rs` makes the arrays, `ways.rs` the engines,
//! `book.rs` reads and writes the recorded answers. The engine is called in `ask*.rs`,
//! `normalizations.rs`, `partials.rs` and `written.rs`: an API that changes needs others of these,
//! while names, inputs and answers stay. CONTRIBUTING.md ("Golden corpus") says how to record.

#[path = "../common/mod.rs"]
mod common;

mod answer;
mod ask;
mod ask_complex;
mod ask_resumable;
mod book;
mod case;
mod input;
mod normalizations;
mod partials;
mod reductions;
mod ways;
mod written;
