//! What this machine and this file can do: the yardsticks of rowmill. The binaries are thin; all
//! measuring is here.

pub mod gather;
pub mod limit;
pub mod measure;
pub mod report;
