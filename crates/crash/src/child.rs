//! Processes that are watched, struck and waited for.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use signal_hook::consts;

use crate::{Failure, Result};

/// Longer than any process here takes: one that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The outcome of a process.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    /// The promises it made until its end.
    pub(crate) promised: Promised,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// It had to be killed because it did not end.
    pub(crate) hung: bool,
}

impl Ran {
    /// How it ended, in words.
    pub(crate) fn words(&self) -> String {
        let hung = if self.hung { "it hung; " } else { "" };
        format!("{hung}{}: {}", self.status, self.stderr.trim())
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.status.success()
    }

    /// Whether it was killed.
    pub(crate) fn was_killed(&self) -> bool {
        self.status.signal() == Some(consts::SIGKILL)
    }
}

/// The promises that a process has made on its output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Promised {
    /// The rows that it reported durable; `None` when it reported nothing.
    pub(crate) durable: Option<usize>,
    /// It ended well, so that everything is there.
    pub(crate) finished: bool,
}

/// A process under way. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    durable: Arc<Mutex<Option<usize>>>,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_remove("ROWMILL_ISA");
        let program = PathBuf::from(command.get_program());
        let mut child = command.spawn().map_err(Failure::io("start", &program))?;
        let durable = Arc::default();
        let stdout = child.stdout.take().map(|pipe| {
            let durable = Arc::clone(&durable);
            std::thread::spawn(move || listen(pipe, &durable))
        });
        let stderr = child.stderr.take().map(|mut pipe| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = pipe.read_to_end(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            })
        });
        Ok(Self { child, durable, stdout, stderr })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, as `kill -9` does; nothing happens if it has ended.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
    }

    /// Sends a signal that stops or continues it. It may have ended by itself: until it is waited
    /// for, no other process has its id.
    pub(crate) fn signal(&self, signal: &str) -> Result<()> {
        let kill = ["-c", "kill -\"$0\" \"$1\" || true", signal, &self.child.id().to_string()];
        tool("sh", kill).map(drop)
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// The promises it has made until now.
    pub(crate) fn promised(&mut self) -> Promised {
        let finished = matches!(self.child.try_wait(), Ok(Some(status)) if status.success());
        Promised { durable: self.durable.lock().ok().and_then(|rows| *rows), finished }
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Result<Ran> {
        let failed = |e| Failure::io("wait for", Path::new("a process"))(e);
        let start = Instant::now();
        let mut hung = false;
        let status = loop {
            if let Some(status) = self.child.try_wait().map_err(failed)? {
                break status;
            }
            if start.elapsed() > PATIENCE && !hung {
                hung = true;
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_micros(500));
        };
        let stdout = self.stdout.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        Ok(Ran { status, promised: self.promised(), stdout, stderr, hung })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ended and waited for already, unless a test failed meanwhile.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The words on a writer's output that say that rows are durable.
pub(crate) const DURABLE: &str = "durable rows ";

/// Reads lines until the other end is gone, and keeps the last number of durable rows up to date.
fn listen(pipe: impl Read, durable: &Mutex<Option<usize>>) -> String {
    let mut all = String::new();
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        let text = String::from_utf8_lossy(&line).into_owned();
        // A line that was cut off does not count.
        let said = text.strip_prefix(DURABLE).and_then(|rest| rest.strip_suffix('\n'));
        if let Some(rows) = said.and_then(|number| number.parse().ok())
            && let Ok(mut durable) = durable.lock()
        {
            *durable = Some(rows);
        }
        all.push_str(&text);
        line.clear();
    }
    all
}

/// Runs a tool to its end.
pub(crate) fn tool<S: AsRef<OsStr>>(
    program: &str,
    args: impl IntoIterator<Item = S>,
) -> Result<String> {
    let mut command = Command::new(program);
    command.args(args);
    let name = format!("{command:?}");
    let ran = Running::start(command)?.wait()?;
    if ran.is_ok() {
        return Ok(ran.stdout);
    }
    Err(Failure::Tool { tool: name, status: ran.status.to_string(), stderr: ran.stderr })
}

/// This binary.
pub(crate) fn this_binary() -> Result<PathBuf> {
    std::env::current_exe().map_err(Failure::io("find", Path::new("this binary")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_whole_count() {
        let durable = |text: &[u8]| {
            let durable = Mutex::default();
            listen(text, &durable);
            durable.into_inner().expect("nobody panicked")
        };
        assert_eq!(durable(b""), None);
        assert_eq!(durable(b"durable rows 5\ndurable rows 12\n"), Some(12));
        assert_eq!(durable(b"durable rows 5\ndurable rows 1"), Some(5));
        assert_eq!(durable(b"durable rows\nnonsense\n"), None);
    }

    #[test]
    fn a_process_that_is_dropped_is_gone() {
        let mut command = Command::new("sleep");
        command.arg("60");
        let running = Running::start(command).expect("sleep");
        let id = running.id();
        drop(running);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }
}
