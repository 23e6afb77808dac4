//! The effect of a SIGBUS on a process, with foreign handlers before and after ours. The end of a
//! process is observed from outside: each case runs this test again in a process of its own.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Error;
use crate::map::{Backend, BusErrors, Bytes, FileState};

/// Set to the name of a case in the process that runs it.
const CASE: &str = "ROWMILL_BUS_CASE";

/// Four pages, whatever the machine calls a page.
const LEN: usize = 4 * PAGE;
const PAGE: usize = 64 << 10;

/// The exit code of the handlers of these tests.
const CALLED: i32 = 42;

fn run(case: &str) -> Output {
    let test = "map::guard::tests::a_case_in_a_process_of_its_own";
    Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(CASE, case)
        .output()
        .expect("the process starts")
}

/// A process of this case did what it should and exited normally.
#[track_caller]
fn ends_well(case: &str) {
    let output = run(case);
    assert!(output.status.success() && printed(&output, "reached the end"), "{case}: {output:?}");
}

/// A process of this case reached the access in question, and was killed by SIGBUS.
#[track_caller]
fn dies_of_sigbus(case: &str) {
    let output = run(case);
    let killed = output.status.signal() == Some(libc::SIGBUS);
    assert!(killed && printed(&output, "about to touch"), "{case}: {output:?}");
    assert!(!printed(&output, "reached the end"), "{case}: {output:?}");
}

/// A process of this case was ended by the foreign handler.
#[track_caller]
fn ends_by_the_other_handler(case: &str) {
    let output = run(case);
    let ended = output.status.code() == Some(CALLED);
    assert!(ended && printed(&output, "about to touch"), "{case}: {output:?}");
}

fn printed(output: &Output, text: &str) -> bool {
    String::from_utf8_lossy(&output.stdout).contains(text)
}

fn say(text: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{text}").and_then(|()| out.flush()).expect("somebody listens");
}

// --- In the process of a case --------------------------------------------------------------------

/// A file of ones.
fn file(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, vec![1; LEN]).expect("written");
    path
}

fn open(path: &Path, bus_errors: BusErrors) -> Bytes {
    let file = File::open(path).expect("just written");
    let seen = FileState::of(path, &file).expect("a file");
    Bytes::new(path, file, seen, Backend::Mapped, bus_errors).expect("mapped")
}

fn cut(path: &Path, len: usize) {
    let file = std::fs::OpenOptions::new().write(true).open(path).expect("opened");
    file.set_len(len as u64).expect("shorter");
}

/// A mapping of ours whose file is truncated is zeros from there, and reports it.
fn survive(folder: &Path) {
    let path = file(folder, "ours");
    let bytes = open(&path, BusErrors::Guarded);
    let mapped = bytes.mapped().expect("mapped");
    assert_eq!(mapped.iter().map(|&b| u64::from(b)).sum::<u64>(), LEN as u64);
    bytes.check().expect("all there");
    cut(&path, PAGE);
    bytes.check().expect("nobody looked yet");
    assert_eq!(mapped.iter().map(|&b| u64::from(b)).sum::<u64>(), PAGE as u64);
    match bytes.check() {
        Err(Error::Fault { path: hit, offset, source: None }) => {
            assert_eq!((hit, offset), (path, PAGE as u64));
        }
        other => panic!("{other:?}"),
    }
}

/// Touches a page past the end of a file in a mapping that is not ours.
fn touch_foreign(folder: &Path) {
    let path = file(folder, "foreign");
    let opened = File::open(&path).expect("just written");
    // SAFETY: read-only, and read as bytes. That it raises SIGBUS is the point.
    let map = unsafe { memmap2::Mmap::map(&opened) }.expect("mapped");
    cut(&path, PAGE);
    say("about to touch");
    say(&format!("read {}", map[2 * PAGE]));
}

static CALLS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn exits(_: c_int) {
    // SAFETY: ends the process at once, which a signal handler may.
    unsafe { libc::_exit(CALLED) };
}

extern "C" fn exits_with_info(_: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // It got the arguments that the kernel passed.
    // SAFETY: installed with SA_SIGINFO.
    let code = unsafe { (*info).si_code };
    if code == 2 && !context.is_null() {
        exits(0);
    }
}

extern "C" fn counts(_: c_int) {
    CALLS.fetch_add(1, Ordering::SeqCst);
}

static BEFORE: Mutex<Option<libc::sigaction>> = Mutex::new(None);

extern "C" fn counts_and_passes_on(
    signal: c_int,
    info: *mut libc::siginfo_t,
    context: *mut c_void,
) {
    type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
    counts(signal);
    // Nobody else locks it: one thread, one signal.
    let before = BEFORE.lock().expect("no panic").expect("there was one").sa_sigaction;
    let before = std::ptr::with_exposed_provenance::<c_void>(before);
    // SAFETY: it was ours, which takes these arguments.
    let before = unsafe { std::mem::transmute::<*const c_void, Handler>(before) };
    before(signal, info, context);
}

/// Installs a handler for SIGBUS and returns the previous one.
fn handle(handler: usize, flags: c_int) -> libc::sigaction {
    // SAFETY: all zeros is an action.
    let mut new: libc::sigaction = unsafe { std::mem::zeroed() };
    new.sa_sigaction = handler;
    new.sa_flags = flags | libc::SA_ONSTACK;
    let mut old = new;
    // SAFETY: two whole actions; the handler is of the type that the flags say.
    assert_eq!(unsafe { libc::sigaction(libc::SIGBUS, &raw const new, &raw mut old) }, 0);
    old
}

/// Sends SIGBUS to this thread, without an access.
fn send() {
    say("about to touch");
    // SAFETY: no pointers.
    unsafe { libc::raise(libc::SIGBUS) };
}

#[test]
fn a_case_in_a_process_of_its_own() {
    let Ok(case) = std::env::var(CASE) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    match case.as_str() {
        "ours" => survive(folder),
        "foreign access" => {
            survive(folder);
            touch_foreign(folder);
        }
        "foreign access, default before" => {
            handle(libc::SIG_DFL, 0);
            survive(folder);
            touch_foreign(folder);
        }
        "foreign access, ignored before" => {
            handle(libc::SIG_IGN, 0);
            survive(folder);
            touch_foreign(folder);
        }
        "opted out" => {
            let path = file(folder, "ours");
            let bytes = open(&path, BusErrors::Host);
            cut(&path, PAGE);
            say("about to touch");
            say(&format!("read {}", bytes.mapped().expect("mapped")[2 * PAGE]));
        }
        "opted out, host handles" => {
            handle(exits as *const () as usize, 0);
            let path = file(folder, "ours");
            let bytes = open(&path, BusErrors::Host);
            assert_eq!(
                handle(exits as *const () as usize, 0).sa_sigaction,
                exits as *const () as usize
            );
            cut(&path, PAGE);
            say("about to touch");
            say(&format!("read {}", bytes.mapped().expect("mapped")[2 * PAGE]));
        }
        "handler before" => {
            handle(exits as *const () as usize, 0);
            survive(folder);
            touch_foreign(folder);
        }
        "handler with info before" => {
            handle(exits_with_info as *const () as usize, libc::SA_SIGINFO);
            survive(folder);
            touch_foreign(folder);
        }
        "handler after" => {
            survive(folder);
            let flags = libc::SA_SIGINFO;
            let before = handle(counts_and_passes_on as *const () as usize, flags);
            *BEFORE.lock().expect("no panic") = Some(before);
            survive(folder);
            assert_eq!(CALLS.load(Ordering::SeqCst), 1, "it saw the signal and passed it on");
        }
        "handler after, foreign access" => {
            survive(folder);
            let flags = libc::SA_SIGINFO;
            let before = handle(counts_and_passes_on as *const () as usize, flags);
            *BEFORE.lock().expect("no panic") = Some(before);
            touch_foreign(folder);
        }
        "default put back" => {
            survive(folder);
            handle(libc::SIG_DFL, 0);
            survive(folder);
            touch_foreign(folder);
        }
        "sent" => {
            survive(folder);
            send();
        }
        "sent, ignored before" => {
            handle(libc::SIG_IGN, 0);
            survive(folder);
            send();
            survive(folder);
        }
        "sent, handler before" => {
            handle(counts as *const () as usize, 0);
            survive(folder);
            send();
            send();
            assert_eq!(CALLS.load(Ordering::SeqCst), 2);
            survive(folder);
        }
        "sent twice, handler for once before" => {
            handle(counts as *const () as usize, libc::SA_RESETHAND);
            survive(folder);
            send();
            assert_eq!(CALLS.load(Ordering::SeqCst), 1);
            survive(folder);
            send();
        }
        other => panic!("no case {other:?}"),
    }
    say("reached the end");
}

// --- The cases -----------------------------------------------------------------------------------

#[test]
fn a_file_that_is_cut_short_is_no_signal() {
    ends_well("ours");
}

#[test]
fn without_the_guard_it_is() {
    dies_of_sigbus("opted out");
    ends_by_the_other_handler("opted out, host handles");
}

#[test]
fn accesses_that_are_not_ours_end_the_process_as_ever() {
    dies_of_sigbus("foreign access");
    dies_of_sigbus("foreign access, default before");
    dies_of_sigbus("foreign access, ignored before");
}

#[test]
fn handlers_that_were_there_before_are_called() {
    ends_by_the_other_handler("handler before");
    ends_by_the_other_handler("handler with info before");
}

#[test]
fn handlers_that_come_later_and_pass_on_work() {
    ends_well("handler after");
    dies_of_sigbus("handler after, foreign access");
}

/// As Python's `faulthandler.disable()` does, which restores the previous handler.
#[test]
fn a_handler_that_was_taken_away_comes_back_with_the_next_mapping() {
    dies_of_sigbus("default put back");
}

#[test]
fn signals_without_an_access_are_not_ours() {
    dies_of_sigbus("sent");
    ends_well("sent, ignored before");
    ends_well("sent, handler before");
    dies_of_sigbus("sent twice, handler for once before");
}

/// Threads that fault in one mapping, and in mappings of their own that come and go.
#[test]
fn many_faults_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), "shared");
    let shared = open(&path, BusErrors::Guarded);
    cut(&path, 0);
    let start = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (folder, path, shared, start) = (folder.path(), &path, &shared, &start);
            scope.spawn(move || {
                start.wait();
                let mapped = shared.mapped().expect("mapped");
                assert_eq!(mapped.iter().rev().skip(thread * PAGE).max(), Some(&0));
                let faulted = shared.check();
                let expected = matches!(&faulted, Err(Error::Fault { offset: 0, .. }));
                assert!(expected, "{path:?}: {faulted:?}");
                for round in 0..100 {
                    let own = file(folder, &format!("{thread}"));
                    let bytes = open(&own, BusErrors::Guarded);
                    bytes.check().expect("a slot that was used before forgets");
                    let page = round % 4;
                    cut(&own, page * PAGE);
                    let sum: usize =
                        bytes.mapped().expect("mapped").iter().map(|&b| usize::from(b)).sum();
                    assert_eq!(sum, page * PAGE);
                    let faulted = bytes.check();
                    let at = matches!(
                        &faulted,
                        Err(Error::Fault { offset, .. }) if *offset == (page * PAGE) as u64
                    );
                    assert!(at, "{page}: {faulted:?}");
                }
            });
        }
    });
}
