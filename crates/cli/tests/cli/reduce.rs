//! `rowmill reduce`, `histogram`, `cov` and `corr`.

use serde_json::json;

use crate::common::{dir, rowmill, run, weather, write};

#[test]
fn any_statistics_in_one_call() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[3, 2], &[4_i16, 10, -1, 20, 2, 40]);
    let file = x.to_str().expect("text");
    for (statistic, all, columns) in [
        ("min", json!(-1), json!([-1, 10])),
        ("max", json!(40), json!([4, 40])),
        ("argmin", json!(2), json!([1, 0])),
        ("argmax", json!(5), json!([0, 2])),
        ("ptp", json!(41), json!([5, 30])),
        ("prod", json!(-64000), json!([-8, 8000])),
        ("count", json!(6), json!([3, 3])),
        ("sum", json!(75), json!([5, 70])),
        ("norm(1)", json!(77.0), json!([7.0, 70.0])),
        ("norm(max)", json!(40.0), json!([4.0, 40.0])),
        ("any", json!(true), json!([true, true])),
        ("all", json!(true), json!([true, true])),
        ("distinct", json!(6), json!([3, 3])),
        ("top_k(2)", json!([40, 20]), json!([[4, 2], [40, 20]])),
        ("bottom_k(1)", json!([-1]), json!([[-1], [10]])),
        ("median", json!([7.0]), json!([[2.0], [20.0]])),
        ("quantile(0,1)", json!([-1.0, 40.0]), json!([[-1.0, 4.0], [10.0, 40.0]])),
        ("histogram(2,0,40)", json!([3, 2]), json!([[2, 0], [1, 2]])),
        ("var(1)", json!(236.7), json!([6.333_333_333_333_333, 233.333_333_333_333_34])),
        ("mean(exact)", json!(12.5), json!([1.666_666_666_666_666_7, 23.333_333_333_333_332])),
    ] {
        let found = rowmill(["reduce", statistic, file, "--json"]).json();
        assert_eq!((&found[statistic], &found["axis"]), (&all, &json!("all")), "{statistic}");
        let found = rowmill(["reduce", statistic, file, "--axis", "columns", "--json"]).json();
        assert_eq!(found[statistic], columns, "{statistic}");
    }
    let list = "min,quantile(0.5,1),argmax";
    let table = rowmill(["reduce", list, file, "--axis", "columns"]).ok();
    assert!(table.starts_with("column  min  quantile(0.5,1)  argmax\n0        -1"), "{table}");
    assert_eq!(rowmill(["reduce", "max", file]).ok(), "40\n");
    let all = rowmill(["reduce", "min,max", file]).ok();
    assert_eq!(all, "min  -1\nmax  40\n");
    let some = rowmill(["reduce", "max", file, "--where", "x < 40", "--json"]).json();
    assert_eq!(some["max"], json!(20));
    let kept = rowmill(["reduce", "max", file, "--axis", "0", "--keepdims", "--json"]).json();
    assert_eq!(kept["max"], json!([[4, 40]]));
}

/// The other commands give the same numbers.
#[test]
fn reduce_agrees_with_the_other_commands() {
    let file = weather();
    let of = |args: &[&str]| run(args, &file).json();
    let options = ["--axis", "columns", "--nan", "skip", "--json"];
    let file_name = file.to_str().expect("text");
    let list = "count,nan,inf,sum,mean,std,var,min,max,quantile(0.25,0.5,0.75)";
    let found = rowmill([&["reduce", list, file_name][..], &options].concat()).json();
    let stats = of(&[&["stats"][..], &options].concat());
    for name in ["count", "nan", "inf", "sum", "mean", "std", "var", "min", "max", "columns"] {
        assert_eq!(found[name], stats[name], "{name}");
    }
    let quartiles = of(&[&["quantiles"][..], &options].concat());
    assert_eq!(found["quantile(0.25,0.5,0.75)"], quartiles["quantiles"]);
}

#[test]
fn missing_numbers_are_reported() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2, 2], &[i64::MAX, 1, i64::MAX, 2]);
    let file = x.to_str().expect("text");
    let result = rowmill(["reduce", "sum,mean", file, "--axis", "columns", "--json"]);
    assert!(
        result.err.contains("warning: sum of cell 0: the sum 18446744073709551614"),
        "{}",
        result.err
    );
    assert_eq!(result.json()["sum"], json!(["18446744073709551614", 3]));
    let result = rowmill(["reduce", "min,count", file, "--where", "x < 0", "--json"]);
    assert!(result.err.contains("warning: min of cell 0: there is no minimum"), "{}", result.err);
    let found = result.json();
    assert_eq!((&found["min"], &found["count"]), (&json!(null), &json!(0)));
}

#[test]
fn wrong_statistics_are_wrong_usage() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[2, 2], &[1.0_f32, 2.0, 3.0, 4.0]);
    let file = x.to_str().expect("text");
    for (statistics, says) in [
        ("maximum", "did you mean max?"),
        ("median(0.5)", "takes no options"),
        ("quantile(50)", "from 0 to 1"),
        ("", "is no statistic"),
        ("min,,max", "is no statistic"),
        ("top_k(0)", "top_k(10)"),
    ] {
        rowmill(["reduce", statistics, file]).fails(2, &[says]);
    }
    rowmill(["reduce", "cov", file, "--axis", "rows"]).fails(2, &["no other axis than all"]);
    let checkpoint = dir.path().join("c");
    let checkpoint = checkpoint.to_str().expect("text");
    let kept = rowmill(["reduce", "median", file, "--checkpoint", checkpoint]);
    kept.fails(2, &["takes several reads", "approx_quantile"]);
    let z = [rowmill::Complex::new(1.0_f32, 2.0), rowmill::Complex::new(3.0, -1.0)];
    let z = write(&dir, "z.npy", &[2], &z);
    let z = z.to_str().expect("text");
    assert_eq!(rowmill(["reduce", "mean", z]).ok(), "2.0+0.5j\n");
    rowmill(["reduce", "mean,max", z]).fails(2, &["max is not for complex64", "no order"]);
}

#[test]
fn histograms() {
    let dir = dir();
    let values: Vec<f64> = (0..100).map(|i| f64::from(i) / 10.0).collect();
    let x = write(&dir, "x.npy", &[50, 2], &values);
    let found = run(&["histogram", "--bins", "5", "--range", "0,10", "--json"], &x).json();
    assert_eq!(found["edges"], json!([0.0, 2.0, 4.0, 6.0, 8.0, 10.0]));
    assert_eq!(found["counts"], json!([20, 20, 20, 20, 20]));
    let found = run(&["histogram", "--bins", "2", "--axis", "columns", "--json"], &x).json();
    assert_eq!((&found["edges"][0], &found["edges"][2]), (&json!(0.0), &json!(9.9)));
    assert_eq!(found["counts"], json!([[25, 25], [25, 25]]));
    let table = run(&["histogram", "--bins", "2", "--where", "x >= 5"], &x).ok();
    assert!(table.starts_with("from    to  count\n") && table.lines().count() == 3, "{table}");
    assert!(table.contains("########"), "{table}");
    run(&["histogram", "--range", "1,0"], &x).fails(2, &["the smaller number first"]);
    run(&["histogram", "--bins", "0"], &x).fails(2, &["1..=1000000"]);
}

#[test]
fn covariances_and_correlations() {
    let dir = dir();
    let x = write(&dir, "x.npy", &[3, 2], &[0.0_f32, 2.0, 1.0, 1.0, 2.0, 0.0]);
    let cov = run(&["cov", "--ddof", "1", "--json"], &x).json();
    assert_eq!(cov["cov"], json!([[1.0, -1.0], [-1.0, 1.0]]));
    let corr = run(&["corr", "--json"], &x).json();
    assert_eq!(corr["corr"], json!([[1.0, -1.0], [-1.0, 1.0]]));
    let table = run(&["corr", "--nan", "skip", "--cols", "temp,dewp"], &weather()).ok();
    assert!(table.starts_with("column"), "{table}");
    assert!(table.lines().nth(1).is_some_and(|l| l.starts_with("temp")), "{table}");
}
