//! Recorded answers: text files of `NAME <tab> ANSWER`, sorted by name.
//!
//! If a later change corrected a wrong answer, a third column explains it: `NAME <tab> ANSWER <tab>
//! was OLD ANSWER, because REASON`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A recorded answer.
struct Entry {
    answer: String,
    /// The earlier answer, and why it was wrong.
    history: Option<String>,
}

/// A computed answer.
pub(crate) struct Found {
    pub(crate) answer: String,
    /// The way it was computed, which must not change the answer.
    pub(crate) way: String,
}

pub(crate) type Answers = BTreeMap<String, Found>;

/// The entries of a file, one part of the corpus.
pub(crate) struct Book {
    path: PathBuf,
    title: &'static str,
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Whether to record answers instead of comparing them.
pub(crate) fn records() -> bool {
    std::env::var_os("ROWMILL_RECORD").is_some_and(|value| value == "1")
}

/// Inserts an answer.
pub(crate) fn insert(answers: &mut Answers, name: String, answer: String, way: String) {
    assert!(!name.contains(['\t', '\n']) && !answer.contains(['\t', '\n']), "{name}: {answer}");
    let before = answers.insert(name.clone(), Found { answer, way });
    assert!(before.is_none(), "two cases are called {name:?}");
}

impl Book {
    pub(crate) fn new(file: &str, title: &'static str) -> Self {
        Self { path: folder().join(file), title }
    }

    fn read(&self) -> BTreeMap<String, Entry> {
        let text = match std::fs::read_to_string(&self.path) {
            Err(error) if records() && error.kind() == std::io::ErrorKind::NotFound => {
                String::new()
            }
            text => text.unwrap_or_else(|error| panic!("{}: {error}", self.path.display())),
        };
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let entry = |line: &str| {
            let mut columns = line.split('\t').map(str::to_owned);
            let (Some(name), Some(answer)) = (columns.next(), columns.next()) else {
                panic!("{}: {line:?} is no entry", self.path.display());
            };
            (name, Entry { answer, history: columns.next() })
        };
        lines.map(entry).collect()
    }

    /// Compares answers with the recorded ones, or records them.
    pub(crate) fn check(&self, found: &Answers) {
        let recorded = self.read();
        if records() {
            self.record(recorded, found);
        } else {
            self.compare(&recorded, found);
        }
    }

    fn compare(&self, recorded: &BTreeMap<String, Entry>, found: &Answers) {
        let mut wrong = 0;
        let mut report = String::new();
        let mut say = |text: String| {
            wrong += 1;
            if wrong <= 10 {
                let _ = writeln!(report, "{text}");
            }
        };
        for (name, Found { answer, way }) in found {
            match recorded.get(name) {
                Some(entry) if entry.answer == *answer => {}
                entry => {
                    let expected = entry.map_or("(not recorded)", |entry| &entry.answer);
                    say(format!(
                        "{name}\n  expected {expected}\n  found    {answer}\n  by       {way}"
                    ));
                }
            }
        }
        for name in recorded.keys().filter(|name| !found.contains_key(*name)) {
            say(format!("{name}\n  recorded, but no longer a case"));
        }
        assert!(
            wrong == 0,
            "{wrong} of {} answers differ from {}; the first:\n{report}\
             If the recorded ones are wrong, CONTRIBUTING.md (\"Golden corpus\") says how to replace them.",
            found.len(),
            self.path.display()
        );
    }

    fn record(&self, mut recorded: BTreeMap<String, Entry>, found: &Answers) {
        let reason = std::env::var("ROWMILL_REASON").ok().filter(|reason| !reason.is_empty());
        let mut text = format!(
            "# {}\n# NAME <tab> ANSWER, and <tab> was OLD ANSWER, because REASON where one was corrected.\n",
            self.title
        );
        for (name, Found { answer, .. }) in found {
            let history = match (recorded.remove(name), &reason) {
                (None, _) => None,
                (Some(old), _) if old.answer == *answer => old.history,
                (Some(old), Some(reason)) => {
                    let earlier = old.history.map(|history| format!("; {history}"));
                    Some(format!(
                        "was {}, because {reason}{}",
                        old.answer,
                        earlier.unwrap_or_default()
                    ))
                }
                (Some(old), None) => panic!(
                    "{name} was {}, is {answer}; ROWMILL_REASON has to say why the old answer was wrong",
                    old.answer
                ),
            };
            let history = history.map(|history| format!("\t{history}")).unwrap_or_default();
            let _ = writeln!(text, "{name}\t{answer}{history}");
        }
        assert!(
            recorded.is_empty() || reason.is_some(),
            "{} recorded cases are gone, such as {:?}; ROWMILL_REASON has to say why",
            recorded.len(),
            recorded.keys().next()
        );
        std::fs::write(&self.path, text).expect("the corpus can be written");
    }
}
