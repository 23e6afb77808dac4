//! SIGINT and SIGTERM: the command ends within a chunk, with 130 or 143, and leaves nothing
//! unfinished, or says how the job is resumed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{CommandResult, command, dir, run};

/// A float32 array of 128 columns with holes instead of bytes, so that it takes no time to make.
fn sparse(path: &Path, mebibytes: u64) {
    let header = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, 128), }}",
        mebibytes * 2048
    );
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{header:<117}\n").bytes());
    std::fs::write(path, &bytes).expect("written");
    let file = File::options().write(true).open(path).expect("just written");
    file.set_len(128 + (mebibytes << 20)).expect("sparse");
}

fn start(args: &[&str]) -> Child {
    let mut command = command();
    command.args(args).arg("--no-progress").stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the command starts")
}

fn send(child: &Child, signal: &str) {
    let status = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(status.expect("kill is there").success() || cfg!(not(unix)));
}

fn end(child: Child) -> CommandResult {
    child.wait_with_output().expect("the command ends").into()
}

/// Interrupts the command as soon as `begun` says that its job is under way. A job that is done
/// before the signal arrives is tried again.
fn interrupted(args: &[&str], signal: &str, begun: &dyn Fn() -> bool) -> CommandResult {
    for _ in 0..10 {
        let mut child = start(args);
        let since = Instant::now();
        while !begun() && since.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(1));
            if child.try_wait().expect("asked").is_some() {
                break;
            }
        }
        send(&child, signal);
        let result = end(child);
        if result.code != Some(0) {
            return result;
        }
    }
    panic!("{args:?} was always done before the signal arrived");
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let name = |e: std::io::Result<std::fs::DirEntry>| {
        e.expect("an entry").file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain name")
}

const SIGNALS: [(&str, i32); 2] = [("-INT", 130), ("-TERM", 143)];

#[test]
fn an_unfinished_output_is_removed() {
    let folder = dir();
    let at = |name: &str| folder.path().join(name);
    sparse(&at("x.npy"), 256);
    let partial = at(".z.npy.rowmill-partial");
    for (signal, code) in SIGNALS {
        let (x, z) = (at("x.npy"), at("z.npy"));
        let args = ["normalize", text(&x), text(&z), "--overwrite", "--workers", "1"];
        let result = interrupted(&args, signal, &|| partial.exists());
        assert_eq!((result.code, result.out.as_str()), (Some(code), ""), "{result:?}");
        assert_eq!(result.err, "rowmill: interrupted; nothing was written\n");
        assert!(!partial.exists(), "{:?}", names(folder.path()));
        let _ = std::fs::remove_file(z);
    }
}

#[test]
fn reads_end_with_the_code_of_the_signal() {
    let folder = dir();
    let x = folder.path().join("x.npy");
    sparse(&x, 2048);
    for (command, (signal, code)) in
        ["stats", "quantiles", "describe"].iter().zip(SIGNALS.iter().cycle())
    {
        let since = Instant::now();
        let begun = || since.elapsed() > Duration::from_millis(150);
        let result = interrupted(&[command, text(&x), "--workers", "1"], signal, &begun);
        assert_eq!((result.code, result.out.as_str()), (Some(*code), ""), "{command}: {result:?}");
        assert_eq!(result.err, "rowmill: interrupted; nothing was written\n", "{command}");
    }
    assert_eq!(names(folder.path()), ["x.npy"]);
}

/// A job with a checkpoint says how it is resumed, and the same command gives the same bytes.
#[test]
fn a_checkpoint_is_kept_and_resumed() {
    let folder = dir();
    let at = |name: &str| folder.path().join(name);
    sparse(&at("x.npy"), 32);
    let (x, z, checkpoint) = (at("x.npy"), at("z.npy"), at("job.ckpt"));
    let args: Vec<&str> = vec![
        "normalize",
        text(&x),
        text(&z),
        "--checkpoint",
        text(&checkpoint),
        "--checkpoint-every",
        "0",
    ];
    let result = interrupted(&args, "-INT", &|| checkpoint.exists());
    let advice = format!(
        "rowmill: interrupted; run the same command again to resume from the checkpoint {}\n",
        checkpoint.display()
    );
    assert_eq!((result.code, result.err), (Some(130), advice));
    assert_eq!(end(start(&args)).code, Some(0));
    let whole: PathBuf = at("whole.npy");
    assert_eq!(end(start(&["normalize", text(&x), text(&whole)])).code, Some(0));
    let read = |path: &Path| std::fs::read(path).expect("written");
    assert!(read(&z) == read(&whole), "other bytes after the interruption");
    assert_eq!(names(folder.path()), ["whole.npy", "x.npy", "z.npy"]);
}

#[test]
fn a_job_in_place_says_that_it_is_to_be_finished() {
    let folder = dir();
    let x = folder.path().join("x.npy");
    sparse(&x, 256);
    let journal = folder.path().join(".x.npy.rowmill-journal");
    let args = ["normalize", text(&x), "--in-place", "--workers", "1"];
    let result = interrupted(&args, "-INT", &|| journal.exists());
    assert_eq!(result.code, Some(130), "{result:?}");
    let advice = "is changed in part; run the same command again to finish it\n";
    assert!(result.err.ends_with(advice) || !journal.exists(), "{result:?}");
    run(&["normalize", "--in-place", "--no-progress"], &x).ok();
    // The note of a finished job, by which it is not done twice.
    assert_eq!(names(folder.path()), [".x.npy.rowmill-done", "x.npy"]);
}
