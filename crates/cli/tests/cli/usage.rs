//! Wrong usage exits with code 2, help with 0.

use crate::common::{rowmill, weather};

/// Checks that a call on the weather file fails with exit code 2.
#[track_caller]
fn usage_error(args: &[&str], texts: &[&str]) {
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
fn missing_and_unknown_commands() {
    usage_error(&[], &["Usage: rowmill"]);
    for name in ["median", "std", "argmax", "top_k(3)"] {
        let instead = format!("rowmill reduce '{name}' FILE computes it");
        usage_error(&[name, "FILE"], &[&format!("unrecognized subcommand '{name}'"), &instead]);
    }
    usage_error(&["medain", "FILE"], &["unrecognized subcommand 'medain'"]);
    usage_error(&["sum"], &["required", "<FILE>"]);
    usage_error(&["sum", "FILE", "--axis", "diagonal"], &["'diagonal'", "all, columns, rows"]);
    usage_error(&["sum", "FILE", "--nan", "maybe"], &["propagate, skip, error"]);
    usage_error(&["stats", "FILE", "--ddof", "-1"], &["'-1' for '--ddof <N>'"]);
    usage_error(&["sum", "FILE", "--workers", "0"], &["0 is not in 1..=4096"]);
    usage_error(&["sum", "FILE", "--chunk", "4 parsecs"], &["is not a chunk size"]);
    usage_error(&["sum", "FILE", "--backend", "tape"], &["auto, mapped, positioned"]);
    usage_error(&["info", "FILE", "--where", "x > 1"], &["unexpected argument '--where'"]);
}

#[test]
fn invalid_appends_and_cleanups() {
    usage_error(&["append", "FILE"], &["required", "<MORE>"]);
    usage_error(&["append", "FILE", "FILE"], &["is the file that is appended to"]);
    usage_error(&["append", "FILE", "x.npy", "--dry-run"], &["unexpected argument '--dry-run'"]);
    usage_error(&["clean", "--all"], &["unexpected argument '--all'"]);
}

#[test]
fn invalid_raw_options() {
    usage_error(&["sum", "FILE", "--dtype", "f32"], &["--shape"]);
    usage_error(&["sum", "FILE", "--shape", "3"], &["--dtype"]);
    usage_error(&["sum", "FILE", "--offset", "3"], &["--dtype"]);
    usage_error(
        &["sum", "FILE", "--dtype", "f33", "--shape", "3"],
        &["\"f33\" is not a supported dtype"],
    );
    usage_error(
        &["sum", "FILE", "--dtype", "f32", "--shape", "3x4"],
        &["is not the length of an axis"],
    );
    usage_error(
        &["sum", "FILE", "--dtype", "f32", "--shape", "3,-4"],
        &["is not the length of an axis"],
    );
    let huge = "99999999999,99999999999";
    usage_error(
        &["sum", "FILE", "--dtype", "f32", "--shape", huge],
        &["more elements than this machine"],
    );
    let contradiction = ["sum", "FILE", "--dtype", ">i2", "--shape", "3", "--byte-order", "little"];
    usage_error(&contradiction, &["contradict"]);
}

#[test]
fn invalid_conditions() {
    for command in ["sum", "mean", "stats"] {
        let condition =
            |text, texts: &[&str]| usage_error(&[command, "FILE", "--where", text], texts);
        condition("x > foo", &["expected a number, found foo", "\n  x > foo\n      ^\n"]);
        condition("", &["expected x, a column or a number, found the end"]);
        condition("x", &["expected > >= < <= == or !=, found the end", "\n  x\n   ^\n"]);
        condition("x > 1 & x < 2", &["write and", "\n  x > 1 & x < 2\n        ^\n"]);
        condition("--json", &["\"-\" is not a number"]);
        condition("x == nan", &["no comparison with NaN is true", "isnan(x)"]);
    }
    usage_error(
        &["sum", "FILE", "--where", "x > 1", "--mask", "m.npy"],
        &["cannot be used with '--mask"],
    );
}

#[test]
fn invalid_normalizations() {
    let out = ["normalize", "FILE", "out.npy"];
    let with = |more: &[&str], texts: &[&str]| usage_error(&[&out[..], more].concat(), texts);
    with(&["--method", "magic"], &["zscore, minmax"]);
    with(&["--range", "0,1"], &["--range goes with --method minmax"]);
    with(&["--method", "minmax", "--range", "1,0"], &["expected the smaller number first"]);
    with(&["--method", "minmax", "--range", "1"], &["expected two numbers"]);
    with(&["--output-dtype", "i32"], &["f16, f32, f64"]);
    with(&["--where", "x > 0"], &["unexpected argument '--where'"]);
    usage_error(&["normalize", "FILE"], &["<OUT>"]);
}
