//! Ways to compute the same answer: workers, chunks, instruction sets, and file layouts.

use std::sync::OnceLock;

use rowmill::engine::Isa;
use rowmill::{ChunkSize, Engine};
use twox_hash::XxHash3_64;

use crate::input::LAYOUTS;

/// An engine and a layout, with a description for failures.
pub(crate) struct Way {
    pub(crate) engine: &'static Engine,
    pub(crate) layout: &'static str,
    name: &'static str,
}

impl Way {
    pub(crate) fn describe(&self) -> String {
        format!("{}, {}", self.name, self.layout)
    }
}

fn engines() -> &'static [(String, Engine)] {
    static ENGINES: OnceLock<Vec<(String, Engine)>> = OnceLock::new();
    ENGINES.get_or_init(|| {
        let isas = Isa::available();
        let splits = [
            (1, ChunkSize::Auto),
            (2, ChunkSize::Rows(1)),
            (3, ChunkSize::Bytes(64 << 10)),
            (2, ChunkSize::Auto),
            (1, ChunkSize::Rows(1000)),
            (3, ChunkSize::Bytes(1 << 20)),
            (4, ChunkSize::Rows(37)),
        ];
        let engine = |(i, &(workers, chunk)): (usize, &(usize, ChunkSize))| {
            let isa = isas[i % isas.len()];
            let engine = Engine::builder().workers(workers).chunk(chunk).isa(isa).build();
            let name = format!("{workers} workers, chunks of {chunk}, {}", isa.name());
            (name, engine.expect("an engine"))
        };
        splits.iter().enumerate().map(engine).collect()
    })
}

/// The number of ways per case: `ROWMILL_WAYS`, or usually one.
fn count(seed: u64) -> usize {
    let requested = std::env::var("ROWMILL_WAYS").ok();
    let requested = requested.map(|ways| ways.parse().expect("ROWMILL_WAYS is a number"));
    requested.unwrap_or(if seed.is_multiple_of(50) { engines().len() } else { 1 })
}

/// The ways of a case, chosen by its name. Each way occurs for some case, and some cases use all
/// engines and layouts.
pub(crate) fn of(name: &str) -> impl Iterator<Item = Way> {
    let seed = XxHash3_64::oneshot(name.as_bytes());
    let engines = engines();
    (0..count(seed)).map(move |i| {
        // Each engine meets each layout in as many ways as there are pairs.
        let (engine, layout) = (seed as usize % 1009 + i, (seed >> 32) as usize % 1009);
        let layout = layout + i + i / engines.len();
        let (name, engine) = &engines[engine % engines.len()];
        Way { engine, name, layout: LAYOUTS[layout % LAYOUTS.len()] }
    })
}

/// Computes a case in each of its ways, and checks that all answers agree.
pub(crate) fn agreed(name: &str, answer: impl Fn(&Way) -> String) -> (String, String) {
    let mut first: Option<(String, String)> = None;
    for way in of(name) {
        let found = answer(&way);
        match &first {
            None => first = Some((found, way.describe())),
            Some((expected, by)) => assert_eq!(
                (&found, name),
                (expected, name),
                "{} and {by} do not agree",
                way.describe()
            ),
        }
    }
    first.unwrap_or_else(|| panic!("{name}: ROWMILL_WAYS has to be 1 or more"))
}
