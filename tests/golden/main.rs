//! The golden corpus: answers as bits, recorded once, that every later version is held against.
//!
//! `case.rs` says in plain words what is asked, `input.rs` makes the arrays, `ways.rs` the engines,
//! `book.rs` reads and writes the recorded answers. The engine is called in `ask*.rs`,
//! `normalizations.rs`, `partials.rs` and `written.rs`: an API that changes needs others of these,
//! while names, inputs and answers stay. CONTRIBUTING.md ("Golden corpus") says how to record.

#[path = "../common/erased.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use the rest")]
mod erased;

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
