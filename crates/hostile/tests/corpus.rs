//! All files of the fuzz corpus, on any toolchain.

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

use rowmill_hostile::{ALL, CountingAllocator, Target};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target)
}

fn files(target: &Target) -> Vec<PathBuf> {
    let folder = corpus(target.name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

#[test]
fn no_file_of_the_corpus_breaks_a_promise() {
    for target in ALL {
        let files = files(&target);
        assert!(files.len() >= 10, "{}: {} files only", target.name, files.len());
        for file in files {
            let bytes = fs::read(&file).expect("a file of the corpus");
            let run = panic::catch_unwind(|| target.check(&bytes));
            assert!(run.is_ok(), "{} breaks {}", file.display(), target.name);
        }
    }
}

#[test]
fn the_corpus_stays_small_and_belongs_to_targets() {
    let (mut count, mut bytes) = (0, 0);
    for entry in fs::read_dir(corpus("")).expect("the corpus") {
        let name = entry.expect("an entry").file_name();
        let target = ALL.iter().find(|target| name.to_str() == Some(target.name));
        let target = target.unwrap_or_else(|| panic!("no target is called {}", name.display()));
        for file in files(target) {
            count += 1;
            bytes += fs::metadata(file).expect("a file of the corpus").len();
        }
    }
    assert!(count <= 400 && bytes <= 1 << 20, "{count} files of {bytes} bytes in all");
}

#[test]
#[should_panic(expected = "100000 bytes held, at most 1010 allowed")]
fn a_target_over_its_bound_is_caught() {
    let run = |_: &[u8]| drop(std::hint::black_box(vec![0_u8; 100_000]));
    Target { name: "greedy", fixed: 1000, per_byte: 1, run }.check(b"0123456789");
}
