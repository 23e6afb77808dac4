//! The binaries from end to end, on files too small to say anything about speed.

use std::path::Path;
use std::process::{Command, Output};

use rowmill_core::CreateOptions;
use serde_json::Value;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a place for files")
}

fn wall(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wall"));
    let command = command.args(["--size", "8MiB", "--runs", "1", "--dir"]).arg(dir).args(args);
    command.output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("text")
}

fn is_empty(dir: &Path) -> bool {
    dir.read_dir().expect("a folder").next().is_none()
}

#[test]
fn wall_measures_everything_and_leaves_nothing() {
    let dir = folder();
    // Without --cold: a test does not empty the page cache of the machine that it runs on.
    let ran = wall(dir.path(), &["--json"]);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let wall: Value = serde_json::from_slice(&ran.stdout).expect("stdout is JSON");
    let lines = wall["lines"].as_array().expect("a list");
    let name = |line: &Value| line["name"].as_str().expect("a name").to_owned();
    let names: Vec<_> = lines.iter().map(name).collect();
    for group in [
        "sum f32",
        "masked sum x > 0.5 f64",
        "min, max u8",
        "moments per row f64",
        "mean per column f32, 100000 columns",
        "stats f64",
        "sum f16",
        "sum f32 masked by a bool array",
        "sum f32 Fortran order, of native",
        "sum f32, one axis",
        "z-score f32, write pass, durable",
        "sum f32, sizes, lowest by highest",
        "call on 1 KB mapped, over the bare loop",
        "open the large .npy",
    ] {
        assert!(names.iter().any(|name| name == group), "{group} is not in {names:#?}");
    }
    for line in lines {
        let figure = &line["figure"];
        let value = figure["ratio"].as_f64().or(figure["seconds"].as_f64());
        assert!(value.is_some_and(f64::is_finite), "{line:#}");
        if let Some(job) = line["job"].as_object() {
            assert_eq!(job["seconds"].as_array().map(Vec::len), Some(1), "{line:#}");
        }
        // The table is there as well.
        assert!(text(&ran.stderr).contains(&name(line)));
    }
    assert!(wall["machine"]["cores"].as_u64().is_some_and(|cores| cores > 0));
    assert!(is_empty(dir.path()));
}

#[test]
fn wall_shows_only_what_is_asked_for() {
    let dir = folder();
    let ran = wall(dir.path(), &["--only", "per row f64"]);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let rows = text(&ran.stdout).lines().filter(|line| line.contains("per row f64"));
    assert_eq!(rows.count(), 3, "{}", text(&ran.stdout));
    assert_eq!(text(&ran.stderr).matches("making").count(), 1, "one file is needed");
}

#[test]
fn wall_refuses_what_it_cannot_measure() {
    let dir = folder();
    for (args, code, says) in [
        (&["--only", "nonsense"][..], 1, "no line has \"nonsense\" in its name"),
        (&["--size", "1MiB"], 1, "expected at least 7200000"),
        (&["--size", "many"], 2, "expected bytes"),
        (&["--runs", "0"], 2, "expected a number from 1"),
        (&["--size", "1000000GiB"], 1, "choose a smaller size"),
    ] {
        if args[1].starts_with("1000000") && !cfg!(target_os = "linux") {
            continue; // elsewhere room is not reserved, and the disk would fill up
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_wall"));
        let ran = command.arg("--dir").arg(dir.path()).args(args).output();
        let ran = ran.expect("the binary starts");
        assert_eq!(ran.status.code(), Some(code), "{args:?}: {}", text(&ran.stderr));
        assert!(text(&ran.stderr).contains(says), "{args:?}: {}", text(&ran.stderr));
        assert!(is_empty(dir.path()), "{args:?}");
    }
    let ran = wall(&dir.path().join("nowhere"), &[]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(text(&ran.stderr).contains("cannot make a folder in"), "{}", text(&ran.stderr));
}

#[test]
fn limit_shows_reads_writes_and_kernels() {
    let dir = folder();
    let path = dir.path().join("x.npy");
    CreateOptions::new().create::<f32>(&path, [1000, 100]).expect("room").close().expect("a disk");
    let outputs = folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_limit"));
    let command = command.arg(&path).args(["--kernels", "--runs", "2", "--json", "--write"]);
    let ran = command.arg(outputs.path()).output().expect("the binary starts");
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let report: Value = serde_json::from_slice(&ran.stdout).expect("stdout is JSON");
    let samples = report["samples"].as_array().expect("a list");
    for name in ["limit, 1 threads", "write limit, durable", "stats per row"] {
        let named = samples.iter().find(|s| s["name"] == name);
        let named = named.unwrap_or_else(|| panic!("{name} is not in {samples:#?}"));
        assert_eq!(named["seconds"].as_array().map(Vec::len), Some(2), "{name}");
    }
    assert!(report["cpu"].is_string() && report["bytes"] == 400_000);
    assert!(report["noise"]["runs"].as_f64().is_some(), "{report:#}");
    assert!(text(&ran.stderr).contains("note: noise: "), "{}", text(&ran.stderr));
    assert!(is_empty(outputs.path()));
}

#[test]
fn patterns_are_measured_on_a_file_that_is_made_and_removed() {
    let dir = folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_access-patterns"));
    let small =
        ["--size", "3MiB", "--dtype", "u8", "--cols", "100", "--rows", "500", "--runs", "2"];
    let command = command.args(small).args(["--workers", "1,2", "--json", "--dir"]).arg(dir.path());
    let ran = command.output().expect("the binary starts");
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let report: Value = serde_json::from_slice(&ran.stdout).expect("stdout is JSON");
    assert_eq!((&report["dtype"], &report["shape"][1]), (&"uint8".into(), &100.into()));
    let visits = report["visits"].as_array().expect("a list");
    assert_eq!(visits.len(), 7 * 3 * 2, "orders, ways, workers");
    for visit in visits {
        assert_eq!(visit["cold"], false);
        let samples = visit["samples"].as_array().expect("a list");
        assert_eq!(samples.len(), 2);
        for sample in samples {
            let number = |key: &str| sample[key].as_f64().expect("a number");
            assert!(0.0 < number("first_row") && number("first_row") <= number("seconds"));
        }
    }
    let random = visits.iter().filter(|v| v["pattern"] == "random").all(|v| v["rows"] == 500);
    assert!(random && is_empty(dir.path()));
}

#[test]
fn patterns_of_a_file_of_ones_own() {
    let dir = folder();
    let path = dir.path().join("x.npy");
    let x = CreateOptions::new().create::<f64>(&path, [1000, 3]).expect("room");
    x.close().expect("on disk");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_access-patterns"));
        command.args(args).arg(&path).output().expect("the binary starts")
    };
    let ran = run(&["--runs", "1"]);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let table = text(&ran.stdout);
    for words in
        ["mapped, 1 worker, in the page cache", "loaded, ", "shuffled windows", "of sequential"]
    {
        assert!(table.contains(words), "{words:?} is not in {table}");
    }
    assert_eq!(run(&["--size", "1MiB"]).status.code(), Some(2), "a file or a size");
    std::fs::remove_file(&path).expect("ours");
    let ran = run(&[]);
    assert!(ran.status.code() == Some(1) && text(&ran.stderr).contains("cannot open "));
}

#[test]
fn every_tool_draws_its_charts() {
    let dir = folder();
    let path = dir.path().join("x.npy");
    let mut x = CreateOptions::new().create::<f32>(&path, [2000, 30]).expect("room");
    x.rows_mut(0..2000).expect("in place").fill(0.5);
    x.close().expect("on disk");
    let [html, svg] = ["out.html", "out.svg"].map(|name| dir.path().join(name));
    for (binary, args) in [
        (env!("CARGO_BIN_EXE_limit"), &["--runs", "1"][..]),
        (env!("CARGO_BIN_EXE_access-patterns"), &["--runs", "1"]),
        (env!("CARGO_BIN_EXE_tune-chunks"), &["--budget", "0.05"]),
        (env!("CARGO_BIN_EXE_advise"), &["--check", "--rounds", "1"]),
    ] {
        let mut command = Command::new(binary);
        // Those that follow replace what the first ones drew.
        let command =
            command.arg(&path).args(args).args(["--json", "--overwrite", "--report"]).arg(&html);
        let ran = command.arg("--svg").arg(&svg).output().expect("the binary starts");
        assert!(ran.status.success(), "{binary}: {}", text(&ran.stderr));
        let page = std::fs::read_to_string(&html).expect("written");
        let inside = page.split("id=\"samples\">").nth(1).and_then(|t| t.split("</script>").next());
        let inside: Value = serde_json::from_str(inside.expect("samples")).expect("JSON");
        let printed: Value = serde_json::from_slice(&ran.stdout).expect("stdout is JSON");
        assert_eq!(inside, printed, "{binary}: what is printed is what is in the page");
        assert!(page.contains("<svg class=\"chart\"") && page.contains("x.npy"), "{binary}");
        let drawn = std::fs::read_to_string(&svg).expect("written");
        assert!(drawn.starts_with("<svg ") && drawn.trim_end().ends_with("</svg>"), "{binary}");
        let nowhere = dir.path().join("nowhere/out.svg");
        let mut command = Command::new(binary);
        let ran = command.arg(&path).args(args).arg("--svg").arg(nowhere).output().expect("starts");
        assert_eq!(ran.status.code(), Some(1), "{binary}");
        assert!(text(&ran.stderr).contains("out.svg"), "{}", text(&ran.stderr));
    }
}

/// Each flag that writes, at each file of the call and at files of every other kind: all of them
/// stay.
#[test]
fn no_tool_replaces_what_a_user_would_miss() {
    let dir = folder();
    let at = |name: &str| dir.path().join(name);
    for name in ["x.npy", "other.npy"] {
        let x = CreateOptions::new().create::<f32>(at(name), [2000, 30]).expect("room");
        x.close().expect("on disk");
    }
    std::fs::write(at("mix.txt"), "sum\n").expect("room");
    std::fs::write(at("x.npy.tuned.json"), "{\"rowmill_profile\": 1}").expect("room");
    std::fs::write(at("page.html"), "<!doctype html>mine").expect("room");
    std::fs::hard_link(at("x.npy"), at("hard.npy")).expect("linked");
    let contents = || {
        let entries = std::fs::read_dir(dir.path()).expect("a folder");
        let mut all: Vec<_> = entries
            .map(|e| e.expect("an entry").path())
            .map(|path| (path.clone(), std::fs::read(path).expect("read")))
            .collect();
        all.sort();
        all
    };
    let before = contents();
    let taken = ["x.npy", "./x.npy", "hard.npy", "x.npy.meta.json", "x.npy.tuned.json"];
    let exists = ["other.npy", "mix.txt", "page.html"];
    for binary in [
        env!("CARGO_BIN_EXE_limit"),
        env!("CARGO_BIN_EXE_access-patterns"),
        env!("CARGO_BIN_EXE_tune-chunks"),
        env!("CARGO_BIN_EXE_advise"),
    ] {
        let run = |args: &[&str]| {
            let mut command = Command::new(binary);
            let command = command.current_dir(dir.path()).arg("x.npy").args(args);
            command.output().expect("the binary starts").status.code()
        };
        for flag in ["--report", "--svg"] {
            for overwrite in [&[][..], &["--overwrite"]] {
                for (targets, code) in [(&taken[..], 2), (&exists, 1)] {
                    for target in targets {
                        let found = run(&[&[flag, target], overwrite].concat());
                        assert_eq!(found, Some(code), "{binary} {flag} {target}");
                    }
                }
            }
        }
        assert_eq!(run(&["--report", "new", "--svg", "./new"]), Some(2), "{binary}");
    }
    let tune = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tune-chunks"));
        let command = command.current_dir(dir.path()).arg("x.npy").args(args);
        command.output().expect("the binary starts").status.code()
    };
    assert_eq!(tune(&["--mix", "mix.txt", "--report", "mix.txt", "--overwrite"]), Some(2));
    assert_eq!(tune(&["--save"]), Some(1), "a profile is there");
    assert!(contents() == before);
}

#[test]
fn advice_has_a_reason_and_is_checked() {
    let dir = folder();
    let path = dir.path().join("x.npy");
    let x = CreateOptions::new().create::<f64>(&path, [1000, 30]).expect("room");
    x.close().expect("on disk");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_advise"));
        command.args(args).output().expect("the binary starts")
    };
    let file = path.to_str().expect("text");
    let ran = run(&[file, "--pattern", "rewrite", "--passes", "2"]);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    for words in ["<- advised", "loading takes", "2 passes, rewrite", "Expected: "] {
        assert!(text(&ran.stdout).contains(words), "{words:?} is not in {}", text(&ran.stdout));
    }
    let ran = run(&[file, "--check", "--rounds", "2", "--pattern", "random", "--rows", "50"]);
    let table = text(&ran.stdout);
    assert!(table.contains("The advice was ") && table.contains("measured "), "{table}");
    assert_eq!(run(&[]).status.code(), Some(2), "no file");
    assert_eq!(run(&[file, "--cold"]).status.code(), Some(2), "cold is for checking");
    let ran = run(&[dir.path().join("none.npy").to_str().expect("text")]);
    assert!(ran.status.code() == Some(1) && text(&ran.stderr).contains("cannot open "));
}

#[test]
fn tuning_for_a_recorded_mix() {
    let dir = folder();
    let [path, mix] = ["x.npy", "mix.txt"].map(|name| dir.path().join(name));
    let x = CreateOptions::new().create::<f32>(&path, [2000, 30]).expect("room");
    x.close().expect("on disk");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tune-chunks"));
        let command = command.arg(&path).arg("--mix").arg(&mix).args(args);
        command.output().expect("the binary starts")
    };
    std::fs::write(&mix, "stats 2\nsum # nightly\n").expect("room");
    let ran = run(&["--budget", "0.05", "--json"]);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let report: Value = serde_json::from_slice(&ran.stdout).expect("stdout is JSON");
    assert_eq!(report["steps"], serde_json::json!(["stats", "stats", "sum"]));
    let ran = run(&["--budget", "0.05", "--check", "1", "--sweep", "0.05"]);
    assert!(text(&ran.stdout).contains(" of 1 picks are as fast"), "{}", text(&ran.stdout));
    std::fs::write(&mix, "median\n").expect("room");
    let ran = run(&[]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(text(&ran.stderr).contains("found \"median\" in line 1"), "{}", text(&ran.stderr));
    assert_eq!(run(&["--job", "sum"]).status.code(), Some(2), "a job or a mix");
}

#[test]
fn tuning_prints_a_curve_and_keeps_only_what_is_better() {
    let dir = folder();
    let path = dir.path().join("x.npy");
    let mut x = CreateOptions::new().create::<f32>(&path, [20_000, 30]).expect("room");
    x.rows_mut(0..20_000).expect("in place").fill(0.5);
    x.close().expect("on disk");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tune-chunks"));
        command.arg(&path).args(args).output().expect("the binary starts")
    };
    let ran = run(&["--budget", "0.2", "--save"]);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let table = text(&ran.stdout);
    for words in ["<- default", "<- fastest", "GB/s", "times as fast"] {
        assert!(table.contains(words), "{words:?} is not in {table}");
    }
    let saved = dir.path().join("x.npy.tuned.json").exists();
    assert_eq!(saved, table.contains("beyond noise"), "{table}");
    let ran = run(&["--budget", "0.1", "--job", "stats", "--json"]);
    let report: Value = serde_json::from_slice(&ran.stdout).expect("stdout is JSON");
    assert_eq!((&report["job"], &report["dtype"]), (&"stats".into(), &"float32".into()));
    let tried = report["tried"].as_array().expect("a list");
    assert!(tried.len() > 5 && tried.iter().all(|t| t["seconds"][0].as_f64() > Some(0.0)));
    assert_eq!(run(&["--budget", "0"]).status.code(), Some(2));
}
