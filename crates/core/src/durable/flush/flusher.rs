//! [`Flusher`]: syncs on request and when a policy demands it, one at a time.

use std::fmt::Debug;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::FlushPolicy;
use super::policy::{Due, Triggers};
use super::rows::Ledger;
use crate::error::{Error, Result};
use crate::map::Disk;

/// Tracks the durability of one array's rows and syncs them.
#[derive(Debug)]
pub(crate) struct Flusher {
    shared: Arc<Shared>,
    triggers: Triggers,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    disk: Box<dyn Disk>,
    state: Mutex<State>,
    /// Wakes the thread: a sync may be due, or it has to stop.
    wake: Condvar,
    /// Wakes callers that wait for another sync to end.
    idle: Condvar,
}

#[derive(Debug)]
struct State {
    ledger: Ledger,
    /// Rows that are lent for writing, until the next call shows that they were returned.
    lent: Option<Range<usize>>,
    /// Rows written since the last sync started, and when the first of them was.
    written: usize,
    since: Option<Instant>,
    /// Rows covered by the sync in progress.
    syncing: usize,
    /// A writer waits for a sync.
    awaited: bool,
    under_way: bool,
    /// The thread waits for a deadline, and needs no other wake-up.
    timed: bool,
    /// The error of the first sync that failed.
    poison: Option<String>,
    stop: bool,
}

impl State {
    fn end(&mut self, rows: Range<usize>) {
        self.written = self.written.saturating_add(rows.len());
        if !rows.is_empty() {
            self.since.get_or_insert_with(Instant::now);
        }
        self.ledger.end(rows);
    }

    /// Called when the borrow of lent rows is over.
    fn hand_back(&mut self) {
        if let Some(rows) = self.lent.take() {
            self.end(rows);
        }
    }

    fn start_sync(&mut self, rows: Range<usize>) {
        self.under_way = true;
        self.ledger.start_sync(rows);
        if !self.ledger.is_waiting() {
            self.awaited = false;
            self.syncing = std::mem::take(&mut self.written);
            // Lent rows may be written at any time, so they stay due.
            self.since = self.lent.as_ref().map(|_| Instant::now());
        }
    }
}

impl Shared {
    fn check(&self, state: &State) -> Result<()> {
        match &state.poison {
            Some(first) => Err(Error::Poisoned { path: self.path.clone(), first: first.clone() }),
            None => Ok(()),
        }
    }

    /// Syncs these rows, located by `bytes`, once no other sync is running.
    fn sync(
        &self,
        state: &mut MutexGuard<'_, State>,
        rows: Range<usize>,
        bytes: Option<Range<usize>>,
    ) -> Result<()> {
        while state.under_way {
            self.idle.wait(state);
        }
        self.check(state)?;
        state.start_sync(rows);
        let synced = MutexGuard::unlocked(state, || self.disk.sync(bytes));
        state.under_way = false;
        state.syncing = 0;
        state.ledger.end_sync(synced.is_ok());
        self.idle.notify_all();
        synced.inspect_err(|e| {
            let message = match e {
                Error::Io { source, .. } => source.to_string(),
                other => other.to_string(),
            };
            state.poison.get_or_insert(message);
        })
    }

    /// The main loop of the thread.
    fn follow(&self, triggers: Triggers) {
        let mut state = self.state.lock();
        while !state.stop && state.poison.is_none() {
            let due = match state.awaited {
                true => Due::Now,
                false => triggers.due(state.written, state.since, Instant::now()),
            };
            match due {
                // A failure is kept in the state, for the next write or flush.
                Due::Now if state.under_way => self.idle.wait(&mut state),
                Due::Now => _ = self.sync(&mut state, 0..usize::MAX, None),
                Due::At(at) => {
                    state.timed = true;
                    self.wake.wait_until(&mut state, at);
                    state.timed = false;
                }
                Due::NotYet => self.wake.wait(&mut state),
            }
        }
    }
}

impl Flusher {
    /// Tracks an array's rows in `ledger`, and follows `policy`.
    pub(crate) fn start(
        path: &Path,
        disk: Box<dyn Disk>,
        policy: FlushPolicy,
        ledger: Ledger,
    ) -> Result<Self> {
        let state = State {
            ledger,
            lent: None,
            written: 0,
            since: None,
            syncing: 0,
            awaited: false,
            under_way: false,
            timed: false,
            poison: None,
            stop: false,
        };
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            disk,
            state: Mutex::new(state),
            wake: Condvar::new(),
            idle: Condvar::new(),
        });
        let triggers = policy.triggers();
        let mut flusher = Self { shared, triggers, thread: None };
        if triggers.in_background() {
            let shared = Arc::clone(&flusher.shared);
            let thread = std::thread::Builder::new().name("rowmill-flush".to_owned());
            let thread = thread.spawn(move || shared.follow(triggers));
            flusher.thread = Some(thread.map_err(Error::io("start a thread to flush", path))?);
        }
        Ok(flusher)
    }

    /// Records that a write of these rows begins.
    ///
    /// # Errors
    /// [`Error::Poisoned`].
    pub(crate) fn begin(&self, rows: Range<usize>) -> Result<()> {
        let mut state = self.shared.state.lock();
        state.hand_back();
        self.wait_for_room(&mut state, rows.len());
        self.shared.check(&state)?;
        state.ledger.begin(rows);
        Ok(())
    }

    /// Records that these rows have been written completely.
    pub(crate) fn end(&self, rows: Range<usize>) {
        let mut state = self.shared.state.lock();
        state.end(rows);
        self.announce(&state);
    }

    /// Records that these rows are lent, and may be written until the next call of any method here.
    ///
    /// # Errors
    /// [`Error::Poisoned`].
    pub(crate) fn lend(&self, rows: Range<usize>) -> Result<()> {
        let mut state = self.shared.state.lock();
        state.hand_back();
        self.wait_for_room(&mut state, rows.len());
        self.shared.check(&state)?;
        state.ledger.begin(rows.clone());
        if !rows.is_empty() {
            state.since.get_or_insert_with(Instant::now);
            state.lent = Some(rows);
        }
        self.announce(&state);
        Ok(())
    }

    /// Waits until this many more rows may be written, or the handle is poisoned.
    fn wait_for_room(&self, state: &mut MutexGuard<'_, State>, rows: usize) {
        while state.poison.is_none()
            && !self.triggers.has_room(state.written.saturating_add(state.syncing), rows)
        {
            // Written rows wait for a sync that is not due yet, or for the next one.
            state.awaited = state.written > 0;
            self.shared.wake.notify_one();
            self.shared.idle.wait(state);
        }
    }

    /// Wakes the thread if its wait does not cover the new state.
    fn announce(&self, state: &State) {
        if self.thread.is_none() || state.under_way {
            return; // after a sync it checks again by itself
        }
        match self.triggers.due(state.written, state.since, Instant::now()) {
            Due::At(_) if state.timed => {}
            Due::Now | Due::At(_) => _ = self.shared.wake.notify_one(),
            Due::NotYet => {}
        }
    }

    /// Makes all rows durable, or these, located in the file by `bytes`.
    ///
    /// # Errors
    /// [`Error::Io`] for the first failed sync, then [`Error::Poisoned`].
    pub(crate) fn flush(&self, part: Option<(Range<usize>, Range<usize>)>) -> Result<()> {
        let mut state = self.shared.state.lock();
        state.hand_back();
        let (rows, bytes) = match part {
            Some((rows, bytes)) => (rows, Some(bytes)),
            None => (0..usize::MAX, None),
        };
        self.shared.sync(&mut state, rows, bytes)
    }

    /// The durable rows from `row` on, up to the first that is not.
    pub(crate) fn durable_from(&self, row: usize) -> Range<usize> {
        let mut state = self.shared.state.lock();
        state.hand_back();
        self.announce(&state);
        state.ledger.durable_from(row)
    }

    /// Stops the thread, makes everything durable and releases the file.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub(crate) fn close(mut self) -> Result<()> {
        self.stop();
        self.triggers = Triggers::default(); // nothing is left to do on drop
        self.flush(None)
    }

    /// Stops the thread, after a sync in progress.
    fn stop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.state.lock().stop = true;
        self.shared.wake.notify_one();
        // A panic of the thread adds nothing here.
        let _ = thread.join();
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.stop();
        if self.triggers.on_close() {
            // There is no one to report an error to: callers who want to know use `close`.
            let _ = self.flush(None);
        }
    }
}
