//! The record of durable rows against models: a set, a table of steps, a simulated disk, and a
//! program that restarts from the reported rows.

use std::collections::BTreeSet;
use std::ops::Range;

use proptest::prelude::*;

use super::{Ledger, MOST_RUNS, RowSet};

const ROWS: usize = 12;
const WRITERS: usize = 3;

fn some_rows(most: usize) -> impl Strategy<Value = Range<usize>> {
    (0..most, 0..most).prop_map(|(a, b)| a.min(b)..a.max(b))
}

proptest! {
    #[test]
    fn sets_of_rows(steps in prop::collection::vec((any::<bool>(), some_rows(40)), 0..60)) {
        let (mut set, mut model) = (RowSet::default(), BTreeSet::new());
        for (insert, rows) in steps {
            if insert {
                set.insert(rows.clone());
                model.extend(rows);
            } else {
                let taken = set.take(rows.clone());
                let expected: BTreeSet<_> = model.extract_if(rows, |_| true).collect();
                prop_assert_eq!(taken, expected.iter().fold(RowSet::default(), |mut s, &r| {
                    s.insert(r..r + 1);
                    s
                }));
            }
            prop_assert_eq!(set.is_empty(), model.is_empty());
            for from in 0..42 {
                let run = (from..).take_while(|r| model.contains(r)).count();
                prop_assert_eq!(set.run_from(from), from..from + run);
            }
        }
    }
}

#[test]
fn scattered_rows_are_forgotten_not_piled_up() {
    let mut set = RowSet::default();
    for i in 0..MOST_RUNS * 2 {
        set.insert(i * 2..i * 2 + 1);
    }
    let kept = set.take(0..usize::MAX);
    let expected = (0..MOST_RUNS).fold(RowSet::default(), |mut s, i| {
        s.insert(i * 2..i * 2 + 1);
        s
    });
    assert_eq!(kept, expected);
}

/// A step that a ledger records.
#[derive(Clone, Debug)]
enum Step {
    /// A writer begins; one that has begun continues instead.
    Begin(usize, Range<usize>),
    /// A writer completes the rows that it began.
    End(usize),
    StartSync(Range<usize>),
    EndSync(bool),
    /// The kernel writes these rows on its own, in any state.
    WriteBack(Range<usize>),
    /// The program is killed in the middle of everything, and opens the array again.
    Reopen,
    /// The same, and data that was only in memory is lost.
    PowerCut,
}

use Step::{Begin, End, EndSync, PowerCut, Reopen, StartSync, WriteBack};

#[test]
fn durable_rows_after_each_step() {
    const ALL: Range<usize> = 0..usize::MAX;
    let cases: [(&str, Vec<Step>, Range<usize>); 12] = [
        ("nothing was written", vec![StartSync(ALL), EndSync(true)], 0..0),
        ("no sync", vec![Begin(0, 0..4), End(0)], 0..0),
        ("no sync that ended", vec![Begin(0, 0..4), End(0), StartSync(ALL)], 0..0),
        ("synced", vec![Begin(0, 0..4), End(0), StartSync(ALL), EndSync(true)], 0..4),
        ("failed", vec![Begin(0, 0..4), End(0), StartSync(ALL), EndSync(false)], 0..0),
        ("still being written", vec![Begin(0, 0..4), StartSync(ALL), End(0), EndSync(true)], 0..0),
        (
            "the first writer is the last to end",
            vec![Begin(0, 0..1), Begin(1, 1..4), End(1), StartSync(ALL), EndSync(true), End(0)],
            0..0,
        ),
        (
            "two writers in the same rows, one of them not done",
            vec![Begin(0, 0..3), Begin(1, 2..5), End(0), StartSync(ALL), EndSync(true)],
            0..2,
        ),
        (
            "two writers in the same rows, both done",
            vec![Begin(0, 0..3), Begin(1, 0..3), End(1), End(0), StartSync(ALL), EndSync(true)],
            0..3,
        ),
        (
            "written again during the sync",
            vec![Begin(0, 0..4), End(0), StartSync(ALL), Begin(0, 2..3), End(0), EndSync(true)],
            0..2,
        ),
        ("a part synced", vec![Begin(0, 0..4), End(0), StartSync(0..3), EndSync(true)], 0..3),
        (
            "an earlier handle wrote them",
            vec![
                Begin(0, 0..4),
                End(0),
                StartSync(ALL),
                EndSync(true),
                Reopen,
                StartSync(ALL),
                EndSync(true),
            ],
            0..0,
        ),
    ];
    for (what, steps, expected) in cases {
        let mut model = Model::new();
        steps.into_iter().for_each(|step| model.take(step));
        assert_eq!(model.ledger.durable_from(0), expected, "{what}");
    }
    let mut empty = Ledger::of_empty_rows(5);
    assert_eq!(empty.durable_from(0), 0..0);
    empty.start_sync(ALL);
    empty.end_sync(true);
    assert_eq!(empty.durable_from(2), 2..5);
}

/// A ledger, the writers that report to it, and a disk. A row is a version, `None` while it is
/// being written or torn.
#[derive(Debug)]
struct Model {
    ledger: Ledger,
    writers: [Option<Range<usize>>; WRITERS],
    versions: usize,
    /// The completely written ones.
    whole: BTreeSet<usize>,
    /// How a reopened array is accounted for.
    at_open: fn() -> Ledger,
    memory: [Option<usize>; ROWS],
    disk: [Option<usize>; ROWS],
    /// Written completely through this handle.
    ours: [bool; ROWS],
    /// Certainly the same on disk as in memory.
    synced: [bool; ROWS],
    /// After a failed sync the kernel takes these for written: later syncs skip them.
    lost: [bool; ROWS],
    /// The rows that a sync in progress writes to the disk, at least: those it found.
    promised: Option<[Option<Option<usize>>; ROWS]>,
}

impl Model {
    fn new() -> Self {
        Self {
            ledger: Ledger::default(),
            writers: Default::default(),
            versions: 0,
            whole: BTreeSet::new(),
            at_open: Ledger::default,
            memory: [Some(0); ROWS],
            disk: [Some(0); ROWS],
            ours: [false; ROWS],
            synced: [false; ROWS],
            lost: [false; ROWS],
            promised: None,
        }
    }

    fn version(&mut self) -> Option<usize> {
        self.versions += 1;
        Some(self.versions)
    }

    fn take(&mut self, step: Step) {
        match step {
            Begin(writer, rows) => self.begin(writer, rows),
            End(writer) => self.end(writer),
            StartSync(rows) if self.promised.is_none() => {
                self.ledger.start_sync(rows.clone());
                let found = |r| (rows.contains(&r) && !self.lost[r]).then_some(self.memory[r]);
                self.promised = Some(std::array::from_fn(found));
            }
            StartSync(_) => {}
            EndSync(ok) => self.end_sync(ok),
            WriteBack(rows) => self.disk[rows.clone()].copy_from_slice(&self.memory[rows]),
            Reopen => self.reopen(),
            PowerCut => {
                self.memory = self.disk;
                self.lost = [false; ROWS];
                self.reopen();
            }
        }
    }

    fn begin(&mut self, writer: usize, rows: Range<usize>) {
        if self.writers[writer].is_some() {
            return;
        }
        self.ledger.begin(rows.clone());
        self.memory[rows.clone()].fill(None);
        for flags in [&mut self.ours, &mut self.synced, &mut self.lost] {
            flags[rows.clone()].fill(false);
        }
        self.writers[writer] = Some(rows);
    }

    fn end(&mut self, writer: usize) {
        let Some(rows) = self.writers[writer].take() else { return };
        let version = self.version();
        self.whole.extend(version);
        for r in rows.clone() {
            let alone = !self.writers.iter().flatten().any(|others| others.contains(&r));
            self.memory[r] = version.filter(|_| alone);
            self.ours[r] = alone;
        }
        self.ledger.end(rows);
    }

    /// A successful sync writes at least what it found when it began.
    fn end_sync(&mut self, ok: bool) {
        let Some(promised) = self.promised.take() else { return };
        self.ledger.end_sync(ok);
        for (r, found) in promised.into_iter().enumerate() {
            let Some(found) = found else { continue };
            let same = found.is_some() && found == self.memory[r];
            if ok {
                self.disk[r] = found;
                self.synced[r] |= same;
            } else {
                self.lost[r] = same && !self.synced[r];
            }
        }
    }

    /// A sync in progress may have written anything; rows being written are torn for good.
    fn reopen(&mut self) {
        for r in 0..ROWS {
            if self.memory[r].is_none() {
                self.memory[r] = self.version();
            }
        }
        self.ledger = (self.at_open)();
        self.writers = Default::default();
        self.promised = None;
        self.ours = [false; ROWS];
        self.synced = [false; ROWS];
    }

    /// Whether a row is on the disk as this handle wrote it.
    fn is_durable(&self, r: usize) -> bool {
        self.ours[r] && self.synced[r]
    }
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..WRITERS, some_rows(ROWS + 1)).prop_map(|(writer, rows)| Begin(writer, rows)),
        6 => (0..WRITERS).prop_map(End),
        1 => some_rows(ROWS + 1).prop_map(StartSync),
        3 => Just(StartSync(0..usize::MAX)),
        4 => prop::bool::weighted(0.9).prop_map(EndSync),
        1 => some_rows(ROWS + 1).prop_map(WriteBack),
        1 => prop_oneof![Just(Reopen), Just(PowerCut)],
    ]
}

/// Steps of a program whose threads take rows in order, pause, and then write them.
fn a_step_of_a_program() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..WRITERS).prop_map(|writer| Begin(writer, 0..0)),
        8 => (0..WRITERS).prop_map(End),
        4 => Just(StartSync(0..usize::MAX)),
        6 => Just(EndSync(true)),
        1 => prop_oneof![Just(Reopen), Just(PowerCut)],
    ]
}

/// Runs such a program, each time from the row that `count` returns: the most rows before that row
/// that were missing at a restart. The first `Begin` of a writer takes a row, the second writes it.
fn lost_rows(
    steps: impl IntoIterator<Item = Step>,
    at_open: fn() -> Ledger,
    count: fn(&Ledger, usize) -> usize,
) -> usize {
    let mut model = Model { at_open, ..Model::new() };
    let (mut base, mut next, mut taken, mut most) = (0, 0, [None; WRITERS], 0);
    for step in steps {
        match step {
            Begin(writer, _) if model.writers[writer].is_none() => {
                if let Some(row) = taken[writer].take() {
                    model.take(Begin(writer, row..row + 1));
                } else if next < ROWS {
                    taken[writer] = Some(next);
                    next += 1;
                }
            }
            Begin(..) => {}
            Reopen | PowerCut => {
                base = count(&model.ledger, base);
                model.take(step);
                (next, taken) = (base, [None; WRITERS]);
                let is_there = |row: &Option<usize>| row.is_some_and(|v| model.whole.contains(&v));
                most = most.max(model.memory[..base].iter().filter(|row| !is_there(row)).count());
            }
            other => model.take(other),
        }
    }
    most
}

/// Three threads of a reopened handle, one of which takes row 0 and pauses.
#[test]
fn rows_are_lost_when_those_that_were_there_when_opened_count() {
    let steps = || {
        let write = |writer| [Begin(writer, 0..0), Begin(writer, 0..0), End(writer)];
        let pause = [Reopen, Begin(0, 0..0)];
        let sync = [StartSync(0..usize::MAX), EndSync(true)];
        pause.into_iter().chain(write(1)).chain(write(2)).chain(sync).chain([Reopen])
    };
    let all = || Ledger::of_empty_rows(ROWS);
    assert_eq!(lost_rows(steps(), all, |ledger, _| ledger.durable_from(0).end), ROWS - 2);
    let from_base = |ledger: &Ledger, base| ledger.durable_from(base).end;
    assert_eq!(lost_rows(steps(), Ledger::default, from_base), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn durable_rows_are_on_the_simulated_disk(steps in prop::collection::vec(a_step(), 0..80)) {
        let mut model = Model::new();
        for step in steps {
            model.take(step);
            for from in 0..ROWS + 2 {
                let durable = model.ledger.durable_from(from);
                for r in durable.clone() {
                    let (disk, memory) = (model.disk[r], model.memory[r]);
                    prop_assert!(disk.is_some() && disk == memory, "row {} of {:?}", r, durable);
                }
                // Nor does it promise less than it could, or anything of an earlier handle.
                let most = (from..ROWS).take_while(|&r| model.is_durable(r)).count();
                prop_assert_eq!(durable, from..from + most);
            }
        }
    }

    #[test]
    fn a_restart_from_the_durable_rows_loses_none(
        steps in prop::collection::vec(a_step_of_a_program(), 0..200),
    ) {
        let from_base = |ledger: &Ledger, base| ledger.durable_from(base).end;
        prop_assert_eq!(lost_rows(steps, Ledger::default, from_base), 0);
    }
}
