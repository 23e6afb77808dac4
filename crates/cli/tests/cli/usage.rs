//! Wrong usage is exit code 2, help is 0.

use crate::common::{rowmill, weather};

/// Fails on the weather with exit code 2.
#[track_caller]
fn wrong(args: &[&str], texts: &[&str]) {
    let weather = weather();
    let file = weather.to_str().expect("text");
    rowmill(args.iter().map(|&a| if a == "FILE" { file } else { a })).fails(2, texts);
}

#[test]
fn help_and_version() {
    for args in [
        &["--help"][..],
        &["help"],
        &["-h"],
        &["sum", "--help"],
        &["normalize", "-h"],
        &["clean", "-h"],
        &["append", "-h"],
    ] {
        let help = rowmill(args).ok();
        assert!(help.contains("Usage: rowmill") && help.contains("Examples:"), "{help}");
    }
    let version = rowmill(["--version"]).ok();
    assert_eq!(version, format!("rowmill {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn nothing_and_nonsense() {
    wrong(&[], &["Usage: rowmill"]);
    for name in ["median", "std", "argmax", "top_k(3)"] {
        let instead = format!("rowmill reduce '{name}' FILE computes it");
        wrong(&[name, "FILE"], &[&format!("unrecognized subcommand '{name}'"), &instead]);
    }
    wrong(&["medain", "FILE"], &["unrecognized subcommand 'medain'"]);
    wrong(&["sum"], &["required", "<FILE>"]);
    wrong(&["sum", "FILE", "--axis", "diagonal"], &["'diagonal'", "all, columns, rows"]);
    wrong(&["sum", "FILE", "--nan", "maybe"], &["propagate, skip, error"]);
    wrong(&["stats", "FILE", "--ddof", "-1"], &["'-1' for '--ddof <N>'"]);
    wrong(&["sum", "FILE", "--workers", "0"], &["0 is not in 1..=4096"]);
    wrong(&["sum", "FILE", "--chunk", "4 parsecs"], &["is not a chunk size"]);
    wrong(&["sum", "FILE", "--backend", "tape"], &["auto, mapped, positioned"]);
    wrong(&["info", "FILE", "--where", "x > 1"], &["unexpected argument '--where'"]);
}

#[test]
fn appends_and_cleanings_that_make_no_sense() {
    wrong(&["append", "FILE"], &["required", "<MORE>"]);
    wrong(&["append", "FILE", "FILE"], &["is the file that is appended to"]);
    wrong(&["append", "FILE", "x.npy", "--dry-run"], &["unexpected argument '--dry-run'"]);
    wrong(&["clean", "--all"], &["unexpected argument '--all'"]);
}

#[test]
fn raw_options_that_make_no_sense() {
    wrong(&["sum", "FILE", "--dtype", "f32"], &["--shape"]);
    wrong(&["sum", "FILE", "--shape", "3"], &["--dtype"]);
    wrong(&["sum", "FILE", "--offset", "3"], &["--dtype"]);
    wrong(
        &["sum", "FILE", "--dtype", "f33", "--shape", "3"],
        &["\"f33\" is not a supported dtype"],
    );
    wrong(&["sum", "FILE", "--dtype", "f32", "--shape", "3x4"], &["is not the length of an axis"]);
    wrong(&["sum", "FILE", "--dtype", "f32", "--shape", "3,-4"], &["is not the length of an axis"]);
    let huge = "99999999999,99999999999";
    wrong(
        &["sum", "FILE", "--dtype", "f32", "--shape", huge],
        &["more elements than this machine"],
    );
    let contradiction = ["sum", "FILE", "--dtype", ">i2", "--shape", "3", "--byte-order", "little"];
    wrong(&contradiction, &["contradict"]);
}

#[test]
fn conditions_that_say_nothing() {
    for command in ["sum", "mean", "stats"] {
        let condition = |text, texts: &[&str]| wrong(&[command, "FILE", "--where", text], texts);
        condition("x > foo", &["expected a number, found foo", "\n  x > foo\n      ^\n"]);
        condition("", &["expected x, a column or a number, found the end"]);
        condition("x", &["expected > >= < <= == or !=, found the end", "\n  x\n   ^\n"]);
        condition("x > 1 & x < 2", &["write and", "\n  x > 1 & x < 2\n        ^\n"]);
        condition("--json", &["\"-\" is not a number"]);
        condition("x == nan", &["no comparison with NaN is true", "isnan(x)"]);
    }
    wrong(
        &["sum", "FILE", "--where", "x > 1", "--mask", "m.npy"],
        &["cannot be used with '--mask"],
    );
}

#[test]
fn normalizations_that_make_no_sense() {
    let out = ["normalize", "FILE", "out.npy"];
    let with = |more: &[&str], texts: &[&str]| wrong(&[&out[..], more].concat(), texts);
    with(&["--method", "magic"], &["zscore, minmax"]);
    with(&["--range", "0,1"], &["--range goes with --method minmax"]);
    with(&["--method", "minmax", "--range", "1,0"], &["expected the smaller number first"]);
    with(&["--method", "minmax", "--range", "1"], &["expected two numbers"]);
    with(&["--output-dtype", "i32"], &["f16, f32, f64"]);
    with(&["--where", "x > 0"], &["unexpected argument '--where'"]);
    wrong(&["normalize", "FILE"], &["<OUT>"]);
}
