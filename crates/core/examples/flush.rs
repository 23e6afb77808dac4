//! The cost of each flush policy on a disk: writes the same rows under each and prints a table.
//!
//! ```text
//! cargo run --release -p rowmill-core --example flush -- [FOLDER] [MIB] [ROUNDS]
//! ```
//!
//! Rows have 4 KiB. "Writing" is the time until the last row was handed over, "with close" until
//! all of them were durable. "Behind" is the most rows that a power cut could have taken: written,
//! but not known to be durable. The figures are medians of rounds in which every policy has its
//! turn.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rowmill_core::{CreateOptions, FlushPolicy, Result};

/// Elements of a row.
const ROW: usize = 1024;

/// One way to write.
struct Way {
    name: &'static str,
    policy: FlushPolicy,
    /// The writer itself flushes every so many rows, and waits.
    flush_every: usize,
}

struct Run {
    writing: f64,
    with_close: f64,
    behind: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let mib: usize = args.next().map_or(Ok(256), |a| a.parse())?;
    let rounds: usize = args.next().map_or(Ok(5), |a| a.parse())?;
    let rows = mib * 256;
    let path = folder.join(format!("flush-{}.npy", std::process::id()));

    let way = |name, policy| Way { name, policy, flush_every: usize::MAX };
    let every = |ms| FlushPolicy::Every(Duration::from_millis(ms));
    let waits = |name, flush_every| Way { name, policy: FlushPolicy::Manual, flush_every };
    let ways = [
        way("Manual", FlushPolicy::Manual),
        way("OnClose", FlushPolicy::OnClose),
        way("Every(1 s)", every(1000)),
        way("Every(100 ms)", every(100)),
        way("Every(10 ms)", every(10)),
        way("EveryRows(10_000)", FlushPolicy::EveryRows(10_000)),
        way("EveryRows(1000)", FlushPolicy::EveryRows(1000)),
        way("EveryRows(100)", FlushPolicy::EveryRows(100)),
        way("AtMost(10_000)", FlushPolicy::AtMost(10_000)),
        way("AtMost(1000)", FlushPolicy::AtMost(1000)),
        way("AtMost(100)", FlushPolicy::AtMost(100)),
        waits("Manual, flush() after 10,000 rows", 10_000),
        waits("Manual, flush() after 1000 rows", 1000),
        waits("Manual, flush() after 100 rows", 100),
    ];
    let mut runs: Vec<Vec<Run>> = ways.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (way, runs) in ways.iter().zip(&mut runs) {
            runs.push(run(&path, rows, way)?);
        }
    }
    println!("| policy | rows/s | of `Manual` | rows/s with `close` | of `Manual` | rows behind |");
    println!("|---|---|---|---|---|---|");
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let rate =
        |runs: &[Run], of: fn(&Run) -> f64| rows as f64 / median(runs.iter().map(of).collect());
    let (first, first_closed) = (rate(&runs[0], |r| r.writing), rate(&runs[0], |r| r.with_close));
    for (way, runs) in ways.iter().zip(&runs) {
        let (writing, closed) = (rate(runs, |r| r.writing), rate(runs, |r| r.with_close));
        let behind = median(runs.iter().map(|r| r.behind as f64).collect());
        println!(
            "| {} | {writing:.0} | {:.2} | {closed:.0} | {:.2} | {behind:.0} |",
            way.name,
            writing / first,
            closed / first_closed,
        );
    }
    Ok(())
}

fn run(path: &Path, rows: usize, way: &Way) -> Result<Run> {
    let options = CreateOptions::new().flush_policy(way.policy);
    let mut x = options.create::<f32>(path, [rows, ROW])?;
    let mut behind = 0;
    let start = Instant::now();
    for row in 0..rows {
        x.write_rows(row, &[row as f32; ROW])?;
        behind = behind.max(row + 1 - x.durable_rows());
        if (row + 1).is_multiple_of(way.flush_every) {
            x.flush()?;
        }
    }
    let writing = start.elapsed().as_secs_f64();
    x.close()?;
    let with_close = start.elapsed().as_secs_f64();
    std::fs::remove_file(path).map_err(|source| rowmill_core::Error::Io {
        action: "remove",
        path: path.to_owned(),
        source,
    })?;
    Ok(Run { writing, with_close, behind })
}
