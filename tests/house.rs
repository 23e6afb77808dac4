//! The rules of the house that a reader relies on, checked over the sources: arrows between folders
//! run down only, files fit in one sitting, comments fit on a line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of each layered crate, lowest first. Those of one line may use each other.
const LAYERS: [(&str, &[&str]); 4] = [
    (
        "crates/core/src",
        &[
            "dtype element error fs identity limits shape text",
            "format",
            "tile",
            "view",
            "map",
            "durable",
            "array",
        ],
    ),
    ("crates/lanes/src", &["arch wide", "fold lanes", "narrow"]),
    ("crates/exec/src", &["error", "engine", "kernel", "resume", "job"]),
    (
        "crates/cli/src",
        &[
            "args condition engine failure input interrupt json note number part progress reduce \
             report table values",
            "commands",
        ],
    ),
];

/// Macros that modules import from the root of their crate.
const MACROS: [&str; 1] = ["dtype_table"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder, sorted.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests")
        || path.file_stem().is_some_and(|name| name.to_string_lossy().ends_with("tests"))
}

/// The code of a file: without comments, texts and the module of its tests.
fn code(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        if line.starts_with("mod tests {") || line.starts_with("pub(super) mod tests {") {
            break;
        }
        code += line.split("//").next().unwrap_or_default();
        code.push('\n');
    }
    code
}

/// The modules at the root of the crate that a code names: `crate::map::Bytes` names `map`. A list
/// of them, `crate::{map, view}`, gives `{`, which no layer has: one line for each is asked for.
fn named_modules(code: &str) -> Vec<String> {
    let named = code.match_indices("crate::").filter_map(|(at, path)| {
        let rest = &code[at + path.len()..];
        if code[..at].ends_with('$') {
            return None; // for users, who see the root only
        }
        if rest.starts_with('{') {
            return Some("{".to_owned());
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        // Macros are at the root, wherever they are written.
        let is_macro = rest[end..].starts_with('!') || MACROS.contains(&&rest[..end]);
        (!is_macro).then(|| rest[..end].to_owned())
    });
    named.filter(|name| !name.is_empty()).collect()
}

/// How each file breaks the order of the layers.
fn arrows_that_run_up(layers: &[&str], files: &[(String, String)]) -> Vec<String> {
    let mut rank = BTreeMap::new();
    for (level, names) in layers.iter().enumerate() {
        rank.extend(names.split(' ').map(|name| (name, level)));
    }
    let mut wrong = Vec::new();
    for (file, text) in files {
        let own = file.split(['/', '.']).next().unwrap_or_default();
        let Some(&level) = rank.get(own) else {
            wrong.push(format!("{file}: no layer has {own}; name it in this test"));
            continue;
        };
        for name in named_modules(&code(text)) {
            match rank.get(name.as_str()) {
                Some(&other) if other <= level => {}
                Some(_) => wrong.push(format!("{file}: {own} uses {name}, which is above it")),
                None => wrong.push(format!("{file}: crate::{name} hides which module owns it")),
            }
        }
    }
    wrong
}

#[test]
fn arrows_between_folders_run_down() {
    let mut wrong = Vec::new();
    for (folder, layers) in LAYERS {
        let folder = root().join(folder);
        let files = rust_files(&folder).into_iter().filter(|file| !is_test(file));
        let files: Vec<_> = files
            .map(|file| {
                let name = file.strip_prefix(&folder).expect("below it").to_string_lossy();
                (name.replace('\\', "/"), fs::read_to_string(&file).expect("text"))
            })
            .filter(|(name, _)| name != "lib.rs" && name != "main.rs")
            .collect();
        assert!(files.len() > 5, "{}", folder.display());
        wrong.extend(arrows_that_run_up(layers, &files));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_arrow_that_runs_up_is_seen() {
    let seen = |file: &str, text: &str| {
        let files = [(file.to_owned(), text.to_owned())];
        arrows_that_run_up(&["low ground", "high"], &files)
    };
    assert!(seen("high/x.rs", "use crate::low::{A, B};\nuse crate::ground::C;").is_empty());
    assert!(
        seen("ground.rs", "use crate::low::A; // crate::high\nlow!(crate::table!());").is_empty()
    );
    assert_eq!(seen("low/x.rs", "use crate::high::A;").len(), 1);
    assert_eq!(seen("low.rs", "fn f() { crate::high::a() }").len(), 1);
    assert_eq!(seen("high.rs", "use crate::Reexported;").len(), 1);
    assert_eq!(seen("low.rs", "use crate::{ground::A, high::B};").len(), 1);
    assert_eq!(seen("other.rs", "").len(), 1);
}

/// The Rust files of the project, with their text.
fn sources() -> Vec<(PathBuf, String)> {
    let folders = ["src", "crates", "tests", "examples", "benches", "fuzz/fuzz_targets"];
    let files = folders.iter().flat_map(|folder| rust_files(&root().join(folder)));
    let files = files.filter(|file| !file.iter().any(|part| part == "target"));
    files.map(|file| (file.clone(), fs::read_to_string(&file).expect("text"))).collect()
}

#[test]
fn files_fit_in_one_sitting() {
    let long =
        sources().into_iter().filter(|(file, _)| !is_test(file)).filter_map(|(file, text)| {
            let lines = text.lines().count();
            (lines > 400).then(|| format!("{}: {lines} lines, at most 400", file.display()))
        });
    let long: Vec<String> = long.collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn comments_fit_on_a_line() {
    let mut long = Vec::new();
    for (file, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let comment = line.trim_start();
            // Rows of tables cannot be broken.
            let is_row = comment.trim_start_matches(['/', '!', ' ']).starts_with('|');
            if comment.starts_with("//") && !is_row && line.chars().count() > 100 {
                long.push(format!("{}:{}: over 100 columns", file.display(), number + 1));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}
