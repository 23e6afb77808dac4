//! The golden corpus of the command line: calls, and their output to the letter.
//!
//! `calls.txt` has a block for each call. The order matters, as later calls read earlier outputs:
//!
//! ```text
//! $ the arguments, split at spaces outside of single quotes
//! ? the reason why an earlier answer was wrong, if it was corrected
//! the exit code
//! stdout to the letter, with "seconds" set to 0; size and hash if it is long
//! ! stderr of a failed call, and warnings
//! > each written file: name, bytes, XXH3; only the name if it is hidden
//! ```
//!
//! A new call is a `$` line without an answer. CONTRIBUTING.md ("Golden corpus") explains how to
//! record.

mod inputs;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use twox_hash::XxHash3_64;

/// A call as recorded in the file.
#[derive(Default)]
struct Call {
    line: String,
    history: Vec<String>,
    answer: String,
}

/// A longer stdout is hashed.
const MAX_BYTES: usize = 4000;

/// The commands that take `--workers` and `--chunk`.
const ENGINES: [&str; 5] = ["sum", "mean", "stats", "quantiles", "describe"];

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/calls.txt")
}

fn read() -> (Vec<Call>, String) {
    let text = std::fs::read_to_string(path()).expect("calls.txt");
    let (mut calls, mut head) = (Vec::<Call>::new(), String::new());
    for line in text.lines() {
        if let Some(arguments) = line.strip_prefix("$ ") {
            calls.push(Call { line: arguments.to_owned(), ..Call::default() });
        } else if let Some(call) = calls.last_mut() {
            match line.strip_prefix("? ") {
                Some(reason) => call.history.push(reason.to_owned()),
                None => call.answer += &format!("{line}\n"),
            }
        } else {
            head += &format!("{line}\n");
        }
    }
    (calls, head)
}

/// Splits arguments like a shell that knows only single quotes.
fn arguments(line: &str) -> Vec<String> {
    let mut arguments = vec![String::new()];
    for (i, part) in line.split('\'').enumerate() {
        if i % 2 == 1 {
            arguments.last_mut().expect("one at least").push_str(part);
            continue;
        }
        for (j, word) in part.split(' ').enumerate() {
            if j > 0 {
                arguments.push(String::new());
            }
            arguments.last_mut().expect("one at least").push_str(word);
        }
    }
    arguments
}

/// The text without the seconds of a job, which differ each time.
fn without_seconds(text: &str) -> String {
    let mut parts = text.split("\"seconds\":");
    let mut same = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let number = part.find([',', '}']).unwrap_or(part.len());
        same += &format!("\"seconds\":0{}", &part[number..]);
    }
    same
}

fn hash(bytes: &[u8]) -> String {
    format!("{} bytes, XXH3 {:016x}", bytes.len(), XxHash3_64::oneshot(bytes))
}

/// The files of a folder, with size and modification time.
fn files(folder: &Path) -> BTreeMap<String, (u64, SystemTime)> {
    let entries =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let file = |entry: std::fs::DirEntry| {
        let facts = entry.metadata().expect("a file");
        let name = entry.file_name().into_string().expect("a plain name");
        (name, (facts.len(), facts.modified().expect("a time")))
    };
    entries.map(file).collect()
}

fn run(folder: &Path, arguments: &[String], isa: Option<&str>) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowmill"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env_remove("ROWMILL_ISA");
    command.envs(isa.map(|isa| ("ROWMILL_ISA", isa)));
    let output = command.output().expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let code = output.status.code().expect("no signal");
    (code, without_seconds(&text(output.stdout)), text(output.stderr))
}

/// The answer to a call, in the format of the file.
fn answer(folder: &Path, line: &str) -> String {
    let before = files(folder);
    let arguments = arguments(line);
    let (code, out, err) = run(folder, &arguments, Some("baseline"));
    let after = files(folder);
    let written: Vec<_> =
        after.iter().filter(|(name, facts)| before.get(*name) != Some(facts)).collect();
    if code == 0 && written.is_empty() && ENGINES.contains(&arguments[0].as_str()) {
        // No knob changes a bit.
        let knobs = ["--workers", "3", "--chunk", "700rows"].map(str::to_owned);
        let (_, again, _) = run(folder, &[&arguments[..], &knobs].concat(), None);
        assert_eq!(out, again, "{line}, with other workers, chunks and instruction set");
    }
    let mut text = format!("{code}\n");
    match out.len() {
        0..MAX_BYTES => text += &out,
        _ => text += &format!("({})\n", hash(out.as_bytes())),
    }
    let diagnostics = err.lines().filter(|line| code != 0 || line.contains("warning"));
    diagnostics.for_each(|line| text += &format!("! {line}\n"));
    for name in written.into_iter().map(|(name, _)| name) {
        // Hidden files contain the inode and the times of another file.
        let bytes = std::fs::read(folder.join(name)).expect("a file");
        let facts = if name.starts_with('.') { "hidden".to_owned() } else { hash(&bytes) };
        text += &format!("> {name}: {facts}\n");
    }
    text
}

#[test]
fn every_call_prints_the_recorded_output() {
    let folder = tempfile::tempdir().expect("a folder");
    inputs::write(folder.path());
    let (mut calls, head) = read();
    let records = std::env::var_os("ROWMILL_RECORD").is_some_and(|value| value == "1");
    let reason = std::env::var("ROWMILL_REASON").ok();
    let mut wrong = Vec::new();
    for call in &mut calls {
        let found = answer(folder.path(), &call.line);
        if found == call.answer {
            continue;
        }
        if records && !call.answer.is_empty() {
            let reason = reason.as_deref().unwrap_or_else(|| {
                panic!(
                    "$ {}\nprinted\n{}\nprints\n{found}\nROWMILL_REASON has to say why",
                    call.line, call.answer
                )
            });
            call.history.push(format!("{reason} (was {})", hash(call.answer.as_bytes())));
        } else if !records {
            wrong.push(format!("$ {}\nexpected\n{}found\n{found}", call.line, call.answer));
        }
        call.answer = found;
    }
    let shown = wrong.len().min(5);
    assert!(
        wrong.is_empty(),
        "{} calls differ; the first:\n{}",
        wrong.len(),
        wrong[..shown].join("\n")
    );
    if records {
        let mut text = head;
        for Call { line, history, answer } in calls {
            let history = history.iter().map(|reason| format!("? {reason}\n")).collect::<String>();
            let _ = write!(text, "$ {line}\n{history}{answer}");
        }
        std::fs::write(path(), text).expect("the corpus can be written");
    }
}
