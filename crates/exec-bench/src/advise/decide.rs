//! The decision: a pure function of what was measured.

use serde::Serialize;

use super::{Choice, Pattern, Plan};
use crate::chart::time;

/// The time of one pass over the whole array, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Pace {
    /// When the file is not in the page cache, if that could be measured.
    pub cold: Option<f64>,
    /// When it is, for the first time after opening.
    pub first: f64,
    /// When it is, later on.
    pub again: f64,
}

/// Everything that the decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// The planned work.
    pub plan: Plan,
    /// Bytes of elements.
    pub bytes: u64,
    /// Rows.
    pub rows: usize,
    /// Memory that can be used without swapping, as far as it is known.
    pub free_memory: Option<u64>,
    /// The part of the file that is in the page cache.
    pub cached: f64,
    /// Whether it is on a network or FUSE filesystem.
    pub remote: bool,
    /// A pass through a mapping.
    pub map: Pace,
    /// A pass of positioned reads (and writes).
    pub read: Pace,
    /// A pass over the array in memory (and its writing to a new file).
    pub memory: f64,
    /// Loading all of it.
    pub load: Pace,
}

/// The advice: what to do, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// How to reach the file.
    pub choice: Choice,
    /// The expected time of all passes with each choice, in seconds, in the order of
    /// [`Choice::ALL`]; `None` where memory is too small.
    pub expected: [Option<f64>; 3],
    /// Why.
    pub reasons: Vec<String>,
    /// The things that may go wrong.
    pub warnings: Vec<String>,
}

/// Times that differ by less than this fraction are equally fast: the simpler choice is taken.
const ALIKE: f64 = 0.05;

impl Facts {
    /// Whether the file stays in the page cache once it was read.
    fn stays_cached(&self) -> bool {
        self.free_memory.is_none_or(|free| self.bytes <= free / 10 * 9)
    }

    /// Whether it can be loaded: meanwhile the page cache needs room as well.
    fn can_be_loaded(&self) -> bool {
        self.free_memory.is_none_or(|free| self.bytes <= free / 10 * 6)
    }

    /// A pass when this part of what it needs is in the page cache.
    fn mixed(pace: &Pace, warm: f64, cached: f64) -> f64 {
        cached * warm + (1.0 - cached) * pace.cold.unwrap_or(warm)
    }

    /// The part of the file that is in the page cache before a pass.
    fn cached_before(&self, pass: usize) -> f64 {
        match self.plan.pattern {
            _ if pass == 0 || !self.stays_cached() => self.cached,
            Pattern::Random => {
                // Each pick leaves at least its row behind.
                let picked = (self.plan.picked * pass) as f64 / self.rows.max(1) as f64;
                1.0 - (1.0 - self.cached) * (-picked).exp()
            }
            _ => 1.0,
        }
    }

    /// The time of all passes, in seconds; `None` when memory is too small for the array.
    #[must_use]
    pub fn expected(&self, choice: Choice) -> Option<f64> {
        let pace = match choice {
            Choice::Map => &self.map,
            Choice::Read => &self.read,
            Choice::Load if !self.can_be_loaded() => return None,
            Choice::Load => {
                let load = Self::mixed(&self.load, self.load.first, self.cached);
                return Some(load + self.plan.passes as f64 * self.memory);
            }
        };
        let mut total = 0.0;
        for pass in 0..self.plan.passes {
            let cached = self.cached_before(pass);
            if pass > 0 && cached > 0.9999 {
                return Some(total + (self.plan.passes - pass) as f64 * pace.again);
            }
            let warm = if pass == 0 { pace.first } else { pace.again };
            total += Self::mixed(pace, warm, cached);
        }
        Some(total)
    }

    /// The number of passes after which loading pays against a choice; `None` if it never does.
    fn load_pays_after(&self, pace: &Pace) -> Option<f64> {
        let saved = pace.again - self.memory;
        let more = Self::mixed(&self.load, self.load.first, self.cached)
            - (Self::mixed(pace, pace.first, self.cached) - pace.again);
        (saved > 0.01 * pace.again).then(|| (more / saved - 1e-6).max(1.0).ceil())
    }
}

/// Decides how a file is best reached.
#[must_use]
pub fn decide(facts: &Facts) -> Advice {
    let expected = Choice::ALL.map(|choice| facts.expected(choice));
    let least = expected.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    // The choice among equally fast ones is that with the least memory and care.
    let order = if facts.remote { [Choice::Read, Choice::Map, Choice::Load] } else { Choice::ALL };
    let at = |choice: Choice| expected[choice as usize];
    let good = |choice: &Choice| at(*choice).is_some_and(|e| e <= least * (1.0 + ALIKE));
    let choice = order.into_iter().find(good).unwrap_or(Choice::Read);
    let alike: Vec<Choice> = order.into_iter().filter(|c| good(c) && *c != choice).collect();
    Advice {
        choice,
        expected,
        reasons: reasons(facts, choice, &alike),
        warnings: warnings(facts, choice),
    }
}

fn reasons(facts: &Facts, choice: Choice, alike: &[Choice]) -> Vec<String> {
    let Facts { plan, bytes, cached, map, read, .. } = facts;
    let gb = |bytes: u64| format!("{:.2} GB", bytes as f64 / 1e9);
    let mut reasons = Vec::new();
    let memory = facts.free_memory.map_or("an unknown amount of memory".to_owned(), gb);
    reasons.push(format!(
        "{} beside {memory} free, {:.0} % of it in the page cache",
        gb(*bytes),
        cached * 100.0
    ));
    if *cached < 0.98
        && let (Some(map), Some(read)) = (map.cold, read.cold)
    {
        reasons.push(format!("a cold pass takes {} mapped, {} read", time(map), time(read)));
    }
    reasons.push(format!(
        "a warm pass takes {} mapped ({} the first time), {} read, {} in memory; loading takes {}",
        time(map.again),
        time(map.first),
        time(read.again),
        time(facts.memory),
        time(Facts::mixed(&facts.load, facts.load.first, *cached)),
    ));
    if !facts.can_be_loaded() {
        reasons.push("it is too large to be loaded beside everything else".to_owned());
    } else {
        let pace = if choice == Choice::Read { read } else { map };
        let name = if choice == Choice::Read { "reading" } else { "mapping" };
        reasons.push(match facts.load_pays_after(pace) {
            Some(passes) => format!(
                "loading pays against {name} from about {passes:.0} passes on, {} are planned",
                plan.passes
            ),
            None => format!("loading never pays against {name}: a pass over memory is not faster"),
        });
    }
    if !facts.stays_cached() {
        reasons
            .push("it does not stay in the page cache: each pass reads the disk again".to_owned());
    }
    for other in alike {
        reasons.push(format!("{} is as fast, within {:.0} %", other.name(), ALIKE * 100.0));
    }
    reasons
}

fn warnings(facts: &Facts, choice: Choice) -> Vec<String> {
    let mut warnings = Vec::new();
    if facts.remote {
        warnings.push(
            "the file is on a network or FUSE filesystem: a server that goes away shows as SIGBUS \
             in a mapping, pages may be stale, and figures change with the load of others; \
             Backend::Auto reads at positions there"
                .to_owned(),
        );
    }
    if facts.plan.pattern == Pattern::Rewrite && choice != Choice::Load {
        warnings.push(
            "a crash in the middle of a pass leaves some rows old and some new; a new file beside \
             it that is renamed, as `load` is measured, or a journal (map_in_place) does not"
                .to_owned(),
        );
    }
    let needs_cold = facts.cached < 0.98 || !facts.stays_cached();
    if needs_cold && (facts.map.cold.is_none() || facts.read.cold.is_none()) {
        warnings.push(
            "no part of the file could be read cold, so that cold passes count as warm ones"
                .to_owned(),
        );
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1 << 30;

    /// A file of 4 GiB in the page cache of a machine with 20 GiB free.
    fn warm(pattern: Pattern, passes: usize) -> Facts {
        let pace = |cold, first, again| Pace { cold: Some(cold), first, again };
        Facts {
            plan: Plan { pattern, passes, picked: 20_000 },
            bytes: 4 * GB,
            rows: 1 << 20,
            free_memory: Some(20 * GB),
            cached: 1.0,
            remote: false,
            map: pace(2.6, 0.15, 0.11),
            read: pace(2.6, 0.30, 0.30),
            memory: 0.10,
            load: pace(2.8, 0.9, 0.9),
        }
    }

    #[test]
    fn decisions() {
        use Pattern::{Epochs, Random, Rewrite, Sequential};
        let base = warm;
        let slow_read =
            |facts: Facts| Facts { map: Pace { first: 0.5, again: 0.5, ..facts.map }, ..facts };
        let cases: [(&str, Facts, Choice); 12] = [
            ("one scan of a warm file", base(Sequential, 1), Choice::Map),
            ("some scans", base(Sequential, 20), Choice::Map),
            ("so many that loading pays", base(Sequential, 1000), Choice::Load),
            (
                "unless there is no room",
                Facts { free_memory: Some(5 * GB), ..base(Sequential, 1000) },
                Choice::Map,
            ),
            ("one cold scan", Facts { cached: 0.0, ..base(Sequential, 1) }, Choice::Map),
            (
                "a cold file that mapping reads badly",
                Facts {
                    cached: 0.0,
                    map: Pace { cold: Some(9.0), first: 0.15, again: 0.11 },
                    ..base(Sequential, 1)
                },
                Choice::Read,
            ),
            ("a slow mapping", slow_read(base(Epochs, 1)), Choice::Read),
            ("a slow mapping, many epochs", slow_read(base(Epochs, 50)), Choice::Load),
            (
                "equally fast on a server",
                Facts { remote: true, read: base(Random, 1).map, ..base(Random, 1) },
                Choice::Read,
            ),
            (
                "a server that is slow to read",
                Facts { remote: true, ..base(Sequential, 1) },
                Choice::Map,
            ),
            (
                "a file that never stays in memory",
                Facts {
                    free_memory: Some(2 * GB),
                    cached: 0.0,
                    read: Pace { cold: Some(2.2), first: 0.3, again: 0.3 },
                    ..base(Sequential, 10)
                },
                Choice::Read,
            ),
            (
                "rewriting in memory",
                Facts {
                    memory: 1.0,
                    map: Pace { cold: None, first: 3.0, again: 3.0 },
                    read: Pace { cold: None, first: 4.0, again: 4.0 },
                    ..base(Rewrite, 5)
                },
                Choice::Load,
            ),
        ];
        for (name, facts, choice) in cases {
            let advice = decide(&facts);
            assert_eq!(advice.choice, choice, "{name}: {advice:?}");
            assert!(!advice.reasons.is_empty());
            assert_eq!(
                !advice.warnings.is_empty(),
                facts.remote || (facts.plan.pattern == Rewrite && choice != Choice::Load),
                "{name}"
            );
        }
    }

    #[test]
    fn times_add_up() {
        let close = |found: Option<f64>, expected: f64| {
            let found = found.expect("it fits");
            assert!((found / expected - 1.0).abs() < 1e-6, "{found} for {expected}");
        };
        let facts = warm(Pattern::Sequential, 3);
        close(facts.expected(Choice::Map), 0.15 + 2.0 * 0.11);
        close(facts.expected(Choice::Load), 0.9 + 3.0 * 0.10);
        // Half of it is cold in the first pass only.
        let half = Facts { cached: 0.5, ..facts };
        close(half.expected(Choice::Map), (0.15 + 2.6) / 2.0 + 2.0 * 0.11);
        close(half.expected(Choice::Load), (0.9 + 2.8) / 2.0 + 3.0 * 0.10);
        // An array larger than memory is cold each time.
        let tight = Facts { cached: 0.0, free_memory: Some(GB), ..facts };
        close(tight.expected(Choice::Map), 3.0 * 2.6);
        assert_eq!(tight.expected(Choice::Load), None);
        // Random rows warm the file bit by bit.
        let random = Facts { cached: 0.0, ..warm(Pattern::Random, 1000) };
        let expected = random.expected(Choice::Map).expect("it fits");
        assert!(1000.0 * 0.11 < expected && expected < 300.0, "{expected}");
        close(
            Facts { plan: Plan { passes: 1, ..random.plan }, ..random }.expected(Choice::Map),
            2.6,
        );
        // An unknown pace of cold reads is taken for the warm one, and a warning says so.
        let unknown = Facts { cached: 0.0, map: Pace { cold: None, ..facts.map }, ..facts };
        close(unknown.expected(Choice::Map), 0.15 + 2.0 * 0.11);
        assert!(decide(&unknown).warnings[0].contains("could be read cold"));
        assert_eq!(
            Facts { free_memory: None, ..facts }.expected(Choice::Load),
            facts.expected(Choice::Load)
        );
    }

    #[test]
    fn when_loading_pays() {
        let facts = warm(Pattern::Sequential, 1);
        // 0.9 s of loading less the 0.04 s of the first pass, at 0.01 s a pass.
        assert_eq!(facts.load_pays_after(&facts.map), Some(86.0));
        assert_eq!(Facts { memory: 0.2, ..facts }.load_pays_after(&facts.map), None);
        let text = decide(&facts).reasons.join("; ");
        assert!(
            text.contains("loading pays against mapping from about 86 passes on, 1 are planned"),
            "{text}"
        );
    }
}
