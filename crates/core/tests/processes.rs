//! Several processes with one array: writers and readers, shared memory, and cases that need a
//! process of their own. The other processes are this test again, with the name of a case in their
//! environment.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rowmill_core::{
    Array, ArrayMut, Backend, CowArray, CreateOptions, DType, Error, OpenOptions, RawSpec, Shape,
    Source, WhileWritten,
};

/// Set to the name of a case, and to its file, in the process that runs it.
const CASE: &str = "ROWMILL_PROCESS_CASE";
const FILE: &str = "ROWMILL_PROCESS_FILE";

/// Another process at work.
struct Other {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn start(case: &str, path: &Path) -> Self {
        Self::start_in(Command::new(std::env::current_exe().expect("a path")), case, path)
    }

    /// `command` runs this test, or ends by running it.
    fn start_in(mut command: Command, case: &str, path: &Path) -> Self {
        let mut child = command
            .args(["--exact", "a_case_in_a_process_of_its_own", "--nocapture"])
            .env(CASE, case)
            .env(FILE, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the process starts");
        let stdin = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, stdin, lines }
    }

    /// Waits until it says this.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        let said = self.lines.by_ref().map_while(Result::ok).any(|line| line.contains(text));
        assert!(said, "it ended without saying {text:?}");
    }

    /// Lets it continue, and waits until it is done.
    #[track_caller]
    fn finish(mut self) {
        drop(self.stdin.take());
        self.wait_for("done");
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a line to the parent process.
fn say(text: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{text}").and_then(|()| out.flush()).expect("somebody listens");
}

/// Waits for an answer of the parent process.
fn wait() {
    std::io::stdin().read_to_end(&mut Vec::new()).expect("closed");
}

#[test]
fn a_case_in_a_process_of_its_own() {
    let Ok(case) = std::env::var(CASE) else { return };
    let path = PathBuf::from(std::env::var_os(FILE).expect("given with the case"));
    match case.as_str() {
        "write" => {
            let x = ArrayMut::<f32>::open(&path).expect("nobody else writes");
            say("writing");
            wait();
            x.close().expect("closed");
        }
        "read" => {
            let x = Array::<f32>::open(&path).expect("opened");
            let sum: f32 = x.as_slice().expect("mapped").iter().sum();
            assert_eq!(sum, 0.0);
            say("read all of it");
            wait();
            x.verify().expect("nobody changed it");
        }
        "map too many" => map_too_many(&path),
        "fill a disk" => fill_a_disk(&path),
        other => panic!("no case {other:?}"),
    }
    say("done");
}

fn file(folder: &Path, dims: [usize; 2]) -> PathBuf {
    let path = folder.join("x.npy");
    ArrayMut::<f32>::create(&path, dims).expect("created").close().expect("closed");
    path
}

#[test]
fn readers_are_told_of_writers() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), [10, 10]);
    let refuse = OpenOptions::new().while_written(WhileWritten::Refuse);
    let before = refuse.open::<f32>(&path).expect("nobody writes");
    assert!(!before.is_being_written().expect("locks work here"));

    let mut writer = Other::start("write", &path);
    writer.wait_for("writing");
    assert!(before.is_being_written().expect("locks work here"));
    let x = Array::<f32>::open(&path).expect("allowed unless told otherwise");
    assert!(x.is_being_written().expect("locks work here"));
    let refused = [
        refuse.open::<f32>(&path).map(drop),
        refuse.open_any(&path).map(drop),
        refuse.open_cow::<f32>(&path).map(drop),
    ];
    for refused in refused {
        let Err(Error::BeingWritten { path: whose }) = refused else { panic!("{refused:?}") };
        assert_eq!(whose, path);
    }
    CowArray::<f32>::open(&path).expect("allowed unless told otherwise");
    // A second writer never is.
    for second in [
        ArrayMut::<f32>::open(&path).map(drop),
        refuse.open_mut::<f32>(&path).map(drop),
        CreateOptions::new().overwrite(true).stage::<f32>(&path, [10, 10]).map(drop),
    ] {
        assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
    }
    writer.finish();

    assert!(!x.is_being_written().expect("locks work here"));
    refuse.open::<f32>(&path).expect("nobody writes any more");
    // A process that is about to replace it counts as well.
    let options = CreateOptions::new().overwrite(true);
    let staged = options.stage::<f32>(&path, [10, 10]).expect("staged");
    assert!(matches!(refuse.open::<f32>(&path), Err(Error::BeingWritten { .. })));
    drop((staged, x, before));
    ArrayMut::<f32>::open(&path).expect("no lock is left");
}

/// Probing takes a lock for a moment, and blocks no writer.
#[test]
fn asking_for_writers_keeps_none_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), [10, 10]);
    // Not mapped: see `ArrayMut`.
    let options = OpenOptions::new().backend(Backend::Positioned);
    let x = options.open::<f32>(&path).expect("opened");
    let asked = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..20_000 {
                x.is_being_written().expect("locks work here");
            }
            asked.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        while !asked.load(std::sync::atomic::Ordering::Relaxed) {
            ArrayMut::<f32>::open(&path).expect("nobody writes");
        }
    });
}

/// The system may suspend a process that probes while it holds the lock.
#[test]
fn a_writer_waits_for_probes_of_the_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), [10, 10]);
    let asking = fs::File::open(&path).expect("opened");
    asking.lock_shared().expect("nobody writes");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(300));
            asking.unlock().expect("locked before");
        });
        ArrayMut::<f32>::open(&path).expect("nobody writes");
    });
}

/// The value of `key`, in bytes, for this file's mappings in a process.
fn mapped(child: &Child, path: &Path, key: &str) -> u64 {
    let maps = fs::read_to_string(format!("/proc/{}/smaps", child.id())).expect("a process");
    let name = path.to_str().expect("text");
    let mut of_file = false;
    let mut bytes = 0;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        // A mapping starts with its addresses, and has the file at the end.
        if !first.ends_with(':') {
            of_file = line.ends_with(name);
        } else if of_file && first == key {
            let kib: u64 = words.next().and_then(|n| n.parse().ok()).expect("kilobytes");
            bytes += kib << 10;
        }
    }
    bytes
}

#[test]
fn processes_that_read_one_array_share_its_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), [4096, 1024]);
    if Array::<f32>::open(&path).expect("opened").backend() != Backend::Mapped {
        eprintln!("NOT TESTED: files for tests are on a network or FUSE filesystem");
        return;
    }
    let size = fs::metadata(&path).expect("there").len();
    let mut readers: Vec<Other> = (0..4).map(|_| Other::start("read", &path)).collect();
    readers.iter_mut().for_each(|reader| reader.wait_for("read all of it"));
    let sum = |key| readers.iter().map(|reader| mapped(&reader.child, &path, key)).sum::<u64>();
    let (resident, shares) = (sum("Rss:"), sum("Pss:"));
    println!("of {size} bytes 4 processes have {resident} in sight, and {shares} in memory");
    // Each sees all of it ...
    assert!(resident > size * 39 / 10, "{resident} of four times {size}");
    // ... and together they hold it once.
    assert!((size * 9 / 10..=size * 11 / 10).contains(&shares), "{shares} of {size}");
    readers.into_iter().for_each(Other::finish);
}

// --- More mappings than can be guarded -----------------------------------------------------------

#[test]
fn more_mappings_than_can_be_guarded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), [16, 1024]);
    let mut command = Command::new("sh");
    let own = std::env::current_exe().expect("a path");
    command.args(["-c", "ulimit -n 10000 && exec \"$0\" \"$@\""]).arg(own);
    if !Command::new("sh").args(["-c", "ulimit -n 10000"]).status().is_ok_and(|s| s.success()) {
        eprintln!("NOT TESTED: this user may not have as many files open as that takes");
        return;
    }
    Other::start_in(command, "map too many", &path).finish();
}

fn map_too_many(path: &Path) {
    let open = || Array::<f32>::open(path).expect("opened");
    let arrays: Vec<_> = (0..5000).map(|_| open()).collect();
    let mapped = arrays.iter().filter(|x| x.backend() == Backend::Mapped).count();
    assert_eq!(mapped, 4096, "the rest is read");
    let other = path.with_file_name("y.npy");
    let options = CreateOptions::new();
    let refused = options.create::<f32>(&other, [16, 1024]).map(drop);
    assert!(matches!(refused, Err(Error::TooManyMappings { most: 4096, .. })), "{refused:?}");
    assert!(!other.exists());
    let host = rowmill_core::BusErrors::Host;
    let unguarded = OpenOptions::new().bus_errors(host).open::<f32>(path).expect("opened");
    assert_eq!(unguarded.backend(), Backend::Mapped);
    // All of them are sound, the guarded ones and those that are read.
    let file = fs::OpenOptions::new().write(true).open(path).expect("opened");
    file.set_len(0).expect("shorter");
    for x in &arrays {
        let element = x.get(&[15, 1023]);
        assert!(matches!(element, Err(Error::Fault { .. })), "{element:?}");
    }
    drop(arrays);
    let x = options.create::<f32>(&other, [16, 1024]).expect("there is room again");
    x.close().expect("closed");
    assert_eq!(Array::<f32>::open(&other).expect("opened").backend(), Backend::Mapped);
}

// --- A full disk ---------------------------------------------------------------------------------

#[test]
fn a_disk_that_is_full_when_a_sparse_file_is_written_to() {
    let folder = tempfile::tempdir().expect("a folder");
    // A small filesystem that only the other process sees, and that vanishes with it.
    let mount = "mount -t tmpfs -o size=2m none \"$ROWMILL_PROCESS_FILE\"";
    let own = std::env::current_exe().expect("a path");
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(&own);
        command.env(FILE, folder.path());
        command
    };
    if !unshare(mount).stderr(Stdio::null()).status().is_ok_and(|s| s.success()) {
        eprintln!("NOT TESTED: this user may not mount a filesystem of its own");
        return;
    }
    let command = unshare(&format!("{mount} && exec \"$0\" \"$@\""));
    Other::start_in(command, "fill a disk", folder.path()).finish();
}

fn fill_a_disk(folder: &Path) {
    // If the filesystem can reserve space, there is an error at once.
    let path = folder.join("x.dat");
    let refused = CreateOptions::new().create::<f32>(&path, [1024, 1024]).map(drop);
    let Err(Error::Io { source, .. }) = &refused else { panic!("{refused:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(fs::read_dir(folder).expect("there").count(), 0, "and nothing left behind");
    // Otherwise when the space is used up.
    let file = fs::File::create(&path).expect("created");
    file.set_len(4 << 20).expect("a sparse file");
    let spec = RawSpec::new(DType::F32, Shape::new([4096, 256]).expect("small"));
    let mut x = ArrayMut::<f32>::open_raw(&path, &spec).expect("as long as it says");
    let mut row = 0;
    let failed = loop {
        match x.write_rows(row, &[1.0; 256]) {
            Ok(()) => row += 1,
            Err(e) => break e,
        }
    };
    let Error::Fault { offset, .. } = failed else { panic!("{failed:?}") };
    assert!(row > 1024 && row <= 2048, "row {row} of 2 MiB");
    assert_eq!(offset, row as u64 * 1024);
    assert!(matches!(x.close(), Err(Error::Fault { .. })));
}
