//! No output replaces a file that a user would miss. Every writing flag is tried against every
//! role, in every spelling, and against every kind of file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{command, dir, rowmill, write};
use crate::written::PATHS;

/// The calls, where `@` stands for the path under test; the lists name the other files that each
/// call reads and writes. Every writing flag has at least one call.
const CALLS: &[(&str, &str, &str, &[&str])] = &[
    ("describe", "html", "describe x.npy y.npy --html @", &["x.npy", "y.npy"]),
    ("stats", "checkpoint", "stats x.npy --mask m.npy --checkpoint @", &["x.npy", "m.npy"]),
    (
        "reduce",
        "checkpoint",
        "reduce min,mean x.npy --mask m.npy --checkpoint @",
        &["x.npy", "m.npy"],
    ),
    ("sum", "checkpoint", "sum x.npy y.npy --checkpoint @", &["x.npy", "y.npy"]),
    ("sum", "checkpoint", "sum x.npy --where [1]>0 --checkpoint @", &["x.npy"]),
    (
        "mean",
        "checkpoint",
        "mean x.npy --axis 0,1 --mask m.npy --checkpoint @",
        &["x.npy", "m.npy"],
    ),
    (
        "partial",
        "output",
        "partial x.npy --mask m.npy --after p.json -o @",
        &["x.npy", "m.npy", "p.json"],
    ),
    ("merge", "output", "merge p.json q.json -o @", &["p.json", "q.json"]),
    (
        "normalize",
        "output",
        "normalize x.npy @ --by f.json --checkpoint c.ckpt",
        &["x.npy", "f.json", "c.ckpt"],
    ),
    ("normalize", "output", "normalize x.npy @ --save-fit new.json", &["x.npy", "new.json"]),
    (
        "normalize",
        "save_fit",
        "normalize x.npy z.npy --checkpoint c.ckpt --save-fit @",
        &["x.npy", "c.ckpt", "z.npy"],
    ),
    (
        "normalize",
        "checkpoint",
        "normalize x.npy z.npy --by f.json --checkpoint @",
        &["x.npy", "f.json", "z.npy"],
    ),
    (
        "normalize",
        "checkpoint",
        "normalize x.npy z.npy --save-fit new.json --checkpoint @",
        &["x.npy", "new.json"],
    ),
];

/// Creates files of every kind, and one for each role.
fn fixture() -> tempfile::TempDir {
    let dir = dir();
    for name in ["x.npy", "y.npy", "w.npy"] {
        write(&dir, name, &[8, 2], &[1.5_f32; 16]);
    }
    write(&dir, "m.npy", &[8, 2], &[true; 16]);
    let at = |name: &str| dir.path().join(name);
    let run = |line: &str| {
        let args: Vec<&str> = line.split(' ').collect();
        let result = command().current_dir(dir.path()).args(args).output().expect("it starts");
        assert!(result.status.success(), "{line}: {}", String::from_utf8_lossy(&result.stderr));
    };
    run("partial x.npy --mask m.npy -o p.json");
    run("partial x.npy --axis rows -o q.json");
    run("normalize x.npy t.npy --save-fit f.json");
    run("describe x.npy --html page.html");
    fs::remove_file(at("t.npy")).expect("made");
    fs::write(at("x.npy.meta.json"), "{\"rowmill\": 1, \"columns\": [\"a\", \"b\"]}")
        .expect("enough space");
    fs::write(at("text.txt"), "mine").expect("enough space");
    fs::write(at("mine.json"), "{\"rowmill\": 1, \"mine\": 2}").expect("enough space");
    fs::write(at("mine.html"), "<!doctype html><p>mine").expect("enough space");
    fs::write(at("empty"), "").expect("enough space");
    fs::write(at("bytes"), [0xff, 0, 1]).expect("enough space");
    fs::write(at("job.ckpt"), b"ROWMILLC of another job").expect("enough space");
    fs::write(at("raw.dat"), [0; 4]).expect("enough space");
    fs::write(at("raw_meta.json"), "{\"dtype\": \"<f4\", \"shape\": [1]}").expect("enough space");
    fs::create_dir(at("folder")).expect("enough space");
    dir
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path());
    entries.map(|p| (p.clone(), fs::read(&p).unwrap_or_default())).collect()
}

/// The other spellings of a file in the folder.
fn aliases(folder: &Path, name: &str) -> Vec<String> {
    let whole = folder.join(name).display().to_string();
    let mut all = vec![name.to_owned(), format!("./{name}"), format!("folder/../{name}"), whole];
    #[cfg(unix)]
    {
        let again = folder.join("again");
        if fs::symlink_metadata(&again).is_err() {
            std::os::unix::fs::symlink(folder, &again).expect("linked");
        }
        all.push(format!("again/{name}"));
        if folder.join(name).exists() {
            // The suffix lets a normalization accept the name.
            let (soft, hard) = (format!("soft-{name}.npy"), format!("hard-{name}.npy"));
            if fs::symlink_metadata(folder.join(&soft)).is_err() {
                std::os::unix::fs::symlink(folder.join(name), folder.join(&soft)).expect("linked");
                fs::hard_link(folder.join(name), folder.join(&hard)).expect("linked");
            }
            all.extend([soft, hard]);
        }
    }
    all
}

/// Runs a call on a path. Returns a description if it was not refused with this code.
fn refused(folder: &Path, line: &str, target: &str, overwrite: bool, code: i32) -> Option<String> {
    let before = contents(folder);
    let mut args: Vec<&str> =
        line.split(' ').map(|arg| if arg == "@" { target } else { arg }).collect();
    // Only checkpoints work without the flag.
    let has_flag = !matches!(args[0], "reduce" | "stats" | "sum" | "mean");
    if overwrite && has_flag {
        args.push("--overwrite");
    }
    let result = command().current_dir(folder).args(&args).output().expect("it starts");
    let after = contents(folder);
    let err = String::from_utf8_lossy(&result.stderr).into_owned();
    let shown = args.join(" ");
    let mut wrong = Vec::new();
    if result.status.code() != Some(code) {
        wrong.push(format!("exit code {:?}, expected {code}", result.status.code()));
    }
    for (path, bytes) in &before {
        if after.get(path) != Some(bytes) {
            wrong.push(format!("{} lost its bytes", path.display()));
            // Restored for the following cells.
            let _ = fs::remove_file(path);
            fs::write(path, bytes).expect("put back");
        }
    }
    for path in after.keys().filter(|path| !before.contains_key(*path)) {
        wrong.push(format!("{} was made", path.display()));
        let _ = fs::remove_file(path);
    }
    if err.contains("remove it") || err.contains("panicked") || !result.stdout.is_empty() {
        wrong.push("what it says".to_owned());
    }
    (!wrong.is_empty()).then(|| format!("{shown}: {}; {err}", wrong.join(", ")))
}

/// Whether the argument accepts such a name at all.
fn fits(argument: &str, target: &str) -> bool {
    argument != "output" || target.ends_with(".npy")
}

#[test]
fn every_writing_flag_is_in_the_table() {
    for (command, argument, writes) in PATHS {
        let called = CALLS.iter().any(|(c, a, ..)| c == command && a == argument);
        assert_eq!(called, *writes, "{command} {argument}");
    }
}

#[test]
fn no_output_replaces_a_file_of_the_call() {
    let fixture = fixture();
    let folder = fixture.path();
    let (mut cells, mut wrong) = (0, Vec::new());
    for (command, argument, line, others) in CALLS {
        let mut targets = Vec::new();
        for other in *others {
            targets.extend(aliases(folder, other));
            // The files that belong to an array, whether they exist or not.
            if other.ends_with(".npy") {
                targets.extend(aliases(folder, &format!("{other}.meta.json")));
                let hidden = ["partial", "journal", "append", "done"];
                targets.extend(hidden.map(|kind| format!(".{other}.rowmill-{kind}")));
            }
        }
        // OUT must be named .npy, whatever exists there.
        let npy_only = (*command, *argument) == ("normalize", "output");
        for target in targets.iter().filter(|target| !npy_only || fits(argument, target)) {
            for overwrite in [false, true] {
                cells += 1;
                wrong.extend(refused(folder, line, target, overwrite, 2));
            }
        }
    }
    assert!(cells > 500, "{cells}");
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_output_replaces_a_file_of_another_kind() {
    let fixture = fixture();
    let folder = fixture.path();
    let kinds = [
        ("w.npy", "output"),
        ("q.json", "partial"),
        ("f.json", "fit"),
        ("page.html", "html"),
        ("job.ckpt", "checkpoint"),
        ("text.txt", ""),
        ("mine.json", ""),
        ("mine.html", ""),
        ("empty", ""),
        ("bytes", ""),
        ("raw.dat", ""),
        ("raw_meta.json", ""),
        ("folder", ""),
    ];
    let (mut cells, mut wrong) = (0, Vec::new());
    for (command, argument, line, others) in CALLS {
        let own = match (*command, *argument) {
            ("partial" | "merge", _) => "partial",
            (_, "save_fit") => "fit",
            (_, argument) => argument,
        };
        for (target, kind) in kinds {
            if others.contains(&target) {
                continue;
            }
            // A file of the same kind is replaced if requested, and a checkpoint is resumed.
            let replaced = own == kind;
            let mut names = vec![target.to_owned()];
            if (*command, *argument) == ("normalize", "output") {
                // A file that is not an array is tried under a .npy name.
                names = Vec::new();
                #[cfg(unix)]
                if target != "folder" {
                    let link = format!("named-{target}.npy");
                    let _ = std::os::unix::fs::symlink(folder.join(target), folder.join(&link));
                    names.push(link);
                }
            }
            for name in &names {
                for overwrite in [false, true] {
                    if !(replaced && (overwrite || own == "checkpoint")) {
                        cells += 1;
                        wrong.extend(refused(folder, line, name, overwrite, 1));
                    }
                }
            }
        }
    }
    assert!(cells > 200, "{cells}");
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_same_kind_is_replaced_on_request() {
    let fixture = fixture();
    let folder = fixture.path();
    let run = |line: &str| -> crate::common::CommandResult {
        command().current_dir(folder).args(line.split(' ')).output().expect("it starts").into()
    };
    for (line, target) in [
        ("describe x.npy --html page.html", "page.html"),
        ("partial y.npy -o q.json", "q.json"),
        ("merge p.json -o q.json --json", "q.json"),
        ("normalize x.npy w.npy", "w.npy"),
        ("normalize y.npy new.npy --method minmax --save-fit f.json", "f.json"),
    ] {
        let before = fs::read(folder.join(target)).expect("exists");
        let refused = run(line);
        assert_eq!(refused.code, Some(1), "{line}: {refused:?}");
        for text in ["it exists (a", "hint: on the command line that is --overwrite"] {
            assert!(refused.err.contains(text), "{line}: {}", refused.err);
        }
        assert_eq!(fs::read(folder.join(target)).expect("exists"), before);
        run(&format!("{line} --overwrite")).ok();
        assert_ne!(fs::read(folder.join(target)).expect("exists"), before, "{line}");
    }
}

#[test]
fn an_expanded_pattern_is_no_output() {
    let dir = dir();
    for name in ["part-1.npy", "part-2.npy"] {
        write(&dir, name, &[4], &[1.0_f32, 2.0, 3.0, 4.0]);
    }
    // As if a shell had expanded `normalize part-*.npy`.
    let paths = ["part-1.npy", "part-2.npy"].map(|name| dir.path().join(name));
    let before = fs::read(&paths[1]).expect("exists");
    let args = [Path::new("normalize"), &paths[0], &paths[1]];
    rowmill(args).fails(1, &["part-2.npy: it exists (a numpy array)", "--overwrite"]);
    assert_eq!(fs::read(&paths[1]).expect("exists"), before);
}
