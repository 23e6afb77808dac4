//! When written rows reach the disk: policies, the thread that follows them, and the record of
//! durable rows.
//!
//! ```text
//!   writer                       Flusher                    flush thread (policies with a trigger)
//!   begin(rows)  -------------->  Ledger: not durable
//!   stores to the mapping
//!   end(rows)    -------------->  Ledger: complete  ------> due? start_sync
//!                                                            Disk::sync   (no lock is held)
//!   durable_from() <------------  Ledger: durable   <------ end_sync
//! ```

mod flusher;
mod policy;
mod rows;
#[cfg(test)]
mod tests;

pub(crate) use flusher::Flusher;
pub use policy::{FlushPolicy, Triggers};
pub(crate) use rows::Ledger;
