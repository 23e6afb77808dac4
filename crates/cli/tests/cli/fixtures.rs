//! Every fixture of the workspace through the command: good files give NumPy's answers, bad files
//! their message.

use serde_json::Value;

use crate::common::{root, run};

fn expected() -> Value {
    let path = root().join("tests/fixtures/expected.json");
    serde_json::from_slice(&std::fs::read(path).expect("the expectations")).expect("JSON")
}

/// Whether two numbers are equal, up to the rounding of floats.
fn same(found: &Value, expected: &Value) -> bool {
    match (found.as_f64(), expected.as_f64()) {
        (Some(f), Some(e)) if found.is_f64() => {
            (f - e).abs() <= e.abs().max(f64::MIN_POSITIVE) * 1e-9
        }
        _ => found == expected,
    }
}

#[test]
fn good_files_give_numpys_answers() {
    let expected = expected();
    for (name, facts) in expected["good"].as_object().expect("an object") {
        let shape: Vec<String> =
            facts["shape"].as_array().expect("a list").iter().map(Value::to_string).collect();
        let shape = format!("({})", shape.join(","));
        let offset = facts["offset"].to_string();
        let mut raw = Vec::new();
        if facts["spec"] == true {
            raw.extend(["--dtype", facts["dtype"].as_str().expect("a dtype")]);
            raw.extend(["--shape", &shape, "--offset", &offset]);
            raw.extend(["--order", if facts["fortran_order"] == true { "F" } else { "C" }]);
            if let order @ ("little" | "big") = facts["byte_order"].as_str().expect("an order") {
                raw.extend(["--byte-order", order]);
            }
        }
        let path = root().join("tests/fixtures").join(name);
        let json = |args: &[&str]| run(&[args, &["--json"], &raw].concat(), &path).json();
        let info = json(&["info"]);
        assert_eq!((&info["dtype"], &info["shape"]), (&facts["dtype"], &facts["shape"]), "{name}");
        assert_eq!(info["columns"], facts["columns"], "{name}");
        let sum = json(&["sum"]);
        assert!(same(&sum["sum"], &facts["sum"]), "{name}: {sum}");
        let stats = json(&["stats", "--axis", "all", "--nan", "propagate"]);
        for key in ["sum", "mean", "std"] {
            assert!(same(&stats[key], &facts[key]), "{name}: {key} {} {}", stats[key], facts[key]);
        }
    }
}

#[test]
fn bad_files_are_refused_with_their_message() {
    let expected = expected();
    for (name, message) in expected["bad"].as_object().expect("an object") {
        let path = root().join("tests/fixtures").join(name);
        run(&["info"], &path).fails(1, &[message.as_str().expect("a text")]);
    }
}
