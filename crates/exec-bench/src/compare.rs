//! rowmill's side of the comparison with other libraries: jobs on demand.
//!
//! `bench/compare/run` starts one process for each library and lets them take turns. They all speak
//! the same protocol: a line of JSON with the names of the jobs that can be asked for, then, for
//! each line of input that names one, a line of JSON with its time and its answer.

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rowmill_core::{Array, Kind, Outputs, Role, SliceSource, Source, TileBuffer};
use rowmill_exec::{CompareOp, Engine, Isa, Mask, Mean, Normalize, Stats, Sum};
use serde::Serialize;

use crate::limit::{read_all, write_all};
use crate::{Error, Result, files};

/// The files that the jobs work on.
#[derive(Clone, Debug)]
pub struct Files {
    /// The array: float32, two axes.
    pub array: PathBuf,
    /// Where jobs write.
    pub output: PathBuf,
    /// The numbers of rows to gather: int64, one axis.
    pub rows: PathBuf,
}

/// The side that does the jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The bare read and write: what the jobs would cost if there were nothing to compute.
    Limit,
    /// rowmill's kernels.
    Rowmill,
}

#[derive(Serialize)]
struct Hello {
    jobs: &'static [&'static str],
}

/// The time that a job took, and its answer.
/// Work that only makes an answer comparable is not in the time.
#[derive(Serialize)]
struct Reply {
    seconds: f64,
    answer: Vec<f64>,
}

impl Reply {
    fn since(start: Instant, answer: Vec<f64>) -> Self {
        Self { seconds: start.elapsed().as_secs_f64(), answer }
    }
}

/// Makes the float32 array of the jobs: pseudo-random from 0 to 1, the same each time.
///
/// # Errors
/// When there is no room for it.
pub fn make(path: &Path, rows: usize, columns: usize) -> Result<()> {
    files::write::<f32>(path, [rows, columns], files::Layout::Native)?;
    Ok(())
}

/// Does the jobs that `input` names, one a line, until it ends.
///
/// # Errors
/// When a job fails or is unknown, a file cannot be opened, or answers cannot be written.
pub fn serve(side: Side, files: &Files, input: impl BufRead, mut output: impl Write) -> Result<()> {
    let say = |action, source| Error::io(action, Path::new("the answer"))(source);
    // Each job replaces the output, and never a file that jobs read.
    let mut outputs = Outputs::new().overwrite(true);
    [&files.array, &files.rows].into_iter().for_each(|file| outputs.read(Role::Input, file));
    outputs.plan(Role::Output, Kind::Npy, &files.output)?;
    let x = Array::<f32>::open(&files.array)?;
    let engine = Engine::new()?;
    let jobs = match side {
        Side::Limit => LIMITS,
        Side::Rowmill => JOBS,
    };
    let mut print = |line: serde_json::Result<String>| {
        let line = line.map_err(|e| say("write", e.into()))?;
        writeln!(output, "{line}").and_then(|()| output.flush()).map_err(|e| say("write", e))
    };
    print(serde_json::to_string(&Hello { jobs }))?;
    for job in input.lines() {
        let job = job.map_err(Error::io("read the name of", Path::new("a job")))?;
        let reply = match side {
            Side::Limit => limit(&job, &engine, &x, files),
            Side::Rowmill => rowmill(&job, &engine, &x, files),
        }?;
        print(serde_json::to_string(&reply))?;
    }
    Ok(())
}

/// The jobs that [`limit`] knows.
const LIMITS: &[&str] = &["sum", "mean_columns", "masked_sum", "five", "z_score"];

/// The same reads and writes with nothing computed.
fn limit(job: &str, engine: &Engine, x: &Array<f32>, files: &Files) -> Result<Reply> {
    let elements = x.as_slice().ok_or_else(|| Error::NotInPlace { path: x.path().to_owned() })?;
    let bytes = bytemuck::cast_slice(elements);
    let read = || black_box(read_all(bytes, engine.workers(), Isa::detect()));
    let start = Instant::now();
    match job {
        "sum" | "mean_columns" | "masked_sum" | "five" => {
            read();
        }
        // The second read overlaps with the write.
        "z_score" => {
            read();
            write_all(&files.output, bytes.len(), engine.workers())?;
        }
        other => return Err(Error::UnknownJob { name: other.to_owned() }),
    }
    Ok(Reply::since(start, Vec::new()))
}

/// The jobs that [`rowmill`] knows.
const JOBS: &[&str] = &["sum", "mean_columns", "masked_sum", "five", "z_score", "gather"];

fn rowmill(job: &str, engine: &Engine, x: &Array<f32>, files: &Files) -> Result<Reply> {
    if job == "gather" {
        let numbers = Array::<i64>::open(&files.rows)?;
        let numbers = numbers.rows(0..numbers.shape().rows(), &mut TileBuffer::new())?.to_vec();
        let start = Instant::now();
        let rows: Vec<usize> = numbers.into_iter().map(|row| row as usize).collect();
        let (picked, _) = engine.rows(x, &rows).collect()?;
        let reply = Reply::since(start, Vec::new());
        // The sum makes it comparable.
        let all = SliceSource::new(&picked, [picked.len()]).expect("one axis");
        return Ok(Reply { answer: vec![engine.reduce(&all, Sum::all())?], ..reply });
    }
    let start = Instant::now();
    let answer = match job {
        "sum" => vec![engine.reduce(x, Sum::all())?],
        "mean_columns" => engine.reduce(x, Mean::per_column())?.into_vec(),
        "masked_sum" => {
            let above = Mask::compare(CompareOp::Gt, 0.5);
            vec![engine.reduce(x, Sum::all().masked(above))?]
        }
        "five" => {
            let stats = engine.reduce(x, Stats::all())?;
            let range = [stats.min, stats.max].map(|v| v.map_or(f64::NAN, f64::from));
            vec![stats.sum, stats.mean, stats.std(), range[0], range[1]]
        }
        "z_score" => {
            let how = Normalize::z_score().per_column();
            engine.normalize(x, how).overwrite(true).write_npy(&files.output)?;
            Vec::new()
        }
        other => return Err(Error::UnknownJob { name: other.to_owned() }),
    };
    Ok(Reply::since(start, answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_answer_all_that_they_offer() {
        let dir = tempfile::tempdir().expect("a place for files");
        let at = |name| dir.path().join(name);
        let files = Files { array: at("x.npy"), output: at("z.npy"), rows: at("rows.npy") };
        make(&files.array, 300, 20).expect("room for the file");
        let mut rows = rowmill_core::ArrayMut::<i64>::create(&files.rows, [3]).expect("room");
        rows.write_rows(0, &[299, 0, 299]).expect("three rows");
        rows.close().expect("written");
        for (side, jobs) in [(Side::Limit, LIMITS), (Side::Rowmill, JOBS)] {
            let mut said = Vec::new();
            serve(side, &files, jobs.join("\n").as_bytes(), &mut said).expect("jobs are known");
            let said = String::from_utf8(said).expect("JSON");
            let lines: Vec<serde_json::Value> =
                said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            assert_eq!(lines.len(), 1 + jobs.len());
            assert_eq!(lines[0]["jobs"].as_array().map(Vec::len), Some(jobs.len()));
            assert!(lines[1..].iter().all(|line| line["seconds"].as_f64().is_some()));
            if side == Side::Rowmill {
                let mean = lines[4]["answer"][1].as_f64().expect("five statistics");
                assert!((0.45..0.55).contains(&mean), "{said}");
                assert_eq!(Array::<f32>::open(&files.output).expect("written").shape().rows(), 300);
            }
        }
        let error = serve(Side::Rowmill, &files, &b"sort\n"[..], &mut Vec::new());
        assert!(error.expect_err("no such job").to_string().contains("\"sort\""));
    }
}
