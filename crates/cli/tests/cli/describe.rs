//! `rowmill describe`

use rowmill::view::TileBuffer;
use rowmill::{Array, Source};
use serde_json::{Value, json};

use crate::common::{dir, run, weather, write};

/// numpy's `linear` quantile of the elements that are not NaN.
fn quantile(values: &[f32], q: f64) -> f64 {
    let numbers = values.iter().map(|&x| f64::from(x)).filter(|x| !x.is_nan());
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    let place = q * (sorted.len() - 1) as f64;
    let (a, b) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    a + (b - a) * place.fract()
}

fn close(found: &Value, expected: f64, within: f64) {
    let found = found.as_f64().expect("a number");
    assert!((found - expected).abs() <= within, "{found} for {expected}");
}

#[test]
fn the_description_of_the_weather() {
    let file = weather();
    let x = Array::<f32>::open(&file).expect("shipped");
    let mut buffer = TileBuffer::new();
    let rows = x.rows(0..x.shape().rows(), &mut buffer).expect("small");
    let found = run(&["describe", "--json"], &file).json();
    let stats = run(&["stats", "--json"], &file).json();
    for key in ["dtype", "shape", "columns", "count", "nan", "inf", "mean", "std", "min", "max"] {
        assert_eq!(found[key], stats[key], "{key}");
    }
    for col in 0..9 {
        let column: Vec<f32> = rows.chunks(9).map(|row| row[col]).collect();
        for (key, q) in [("q25", 0.25), ("median", 0.5), ("q75", 0.75)] {
            close(&found[key][col], quantile(&column, q), 1e-9);
        }
        let zeros = column.iter().filter(|&&x| x == 0.0).count();
        assert_eq!(found["zeros"][col], zeros);
        let counts = found["histogram"][col]["counts"].as_array().expect("bins");
        let all: u64 = counts.iter().map(|n| n.as_u64().expect("a count")).sum();
        assert_eq!((counts.len(), found["count"][col].as_u64()), (20, Some(all)));
        assert_eq!(found["histogram"][col]["low"], found["min"][col]);
    }
    assert_eq!((&found["quartiles_of"], &found["histogram_of"]), (&Value::Null, &Value::Null));
    let table = run(&["describe"], &file).ok();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 10);
    assert!(lines[0].starts_with("column") && lines[0].ends_with("histogram"), "{table}");
    assert!(lines[1].starts_with("temp") && lines[1].contains('█'), "{table}");
    assert!(!table.contains("inf"), "no column for what is nowhere: {table}");
}

#[test]
fn sampled_or_exact() {
    let dir = dir();
    let values: Vec<f32> = (0..300_000_u64).map(|i| (i * 7919 % 300_000) as f32).collect();
    let file = write(&dir, "x.npy", &[300_000], &values);
    let sampled = run(&["describe"], &file);
    assert!(sampled.err.contains("sampled rows") && sampled.err.contains("--exact"), "{sampled:?}");
    let sampled = run(&["describe", "--json"], &file).json();
    assert_eq!(sampled["quartiles_of"], 75_000);
    close(&sampled["median"][0], 150_000.0, 1500.0);
    assert_eq!(sampled["zeros"][0], 1);
    assert_eq!(sampled["max"][0], 299_999.0);
    for workers in ["1", "3"] {
        let again = run(&["describe", "--json", "--workers", workers], &file).json();
        assert_eq!(again["median"], sampled["median"]);
    }
    let exact = run(&["describe", "--json", "--exact"], &file).json();
    assert_eq!(exact["q25"][0], quantile(&values, 0.25));
    assert_eq!((&exact["quartiles_of"], &exact["histogram_of"]), (&Value::Null, &json!(75_000)));
}

#[test]
fn odd_shapes_and_values() {
    let dir = dir();
    let wide = write(&dir, "wide.npy", &[2, 2001], &[3_i16; 4002]);
    let found = run(&["describe", "--json"], &wide).json();
    assert_eq!((&found["axis"], &found["median"]), (&json!("all"), &json!([3.0])));
    assert!(run(&["describe"], &wide).ok().contains("histogram"));
    let none = write::<f64>(&dir, "none.npy", &[0, 2], &[]);
    let found = run(&["describe", "--json"], &none).json();
    assert_eq!((&found["count"], &found["q75"]), (&json!([0, 0]), &json!([null, null])));
    assert_eq!(found["histogram"], json!([null, null]));
    let odd = [f64::NAN, f64::INFINITY, f64::MAX, f64::NAN, 1.0, f64::MIN, f64::NAN, -1.0, 0.0];
    let odd = write(&dir, "odd.npy", &[3, 3], &odd);
    let found = run(&["describe", "--json"], &odd).json();
    assert_eq!(found["count"], json!([0, 3, 3]));
    assert_eq!(found["inf"], json!([0, 1, 0]));
    assert_eq!(found["histogram"][1], json!({"low": -1.0, "high": 1.0, "counts": bins(&[0, 19])}));
    assert_eq!(found["histogram"][2]["counts"], json!(bins(&[0, 10, 19])));
    let bools = write(&dir, "b.npy", &[3, 1], &[true, false, false]);
    let found = run(&["describe", "--json"], &bools).json();
    assert_eq!((&found["zeros"], &found["mean"][0]), (&json!([2]), &json!(1.0 / 3.0)));
}

fn bins(at: &[usize]) -> Vec<u64> {
    (0..20).map(|i| u64::from(at.contains(&i))).collect()
}

#[test]
fn an_html_page() {
    let dir = dir();
    let path = dir.path().join("a <b>.html");
    run(&["describe", "--html", path.to_str().expect("text")], &weather()).ok();
    let page = std::fs::read_to_string(&path).expect("written");
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    assert_eq!(page.matches("<svg").count(), 9);
    assert!(page.contains("<td>wind_gust</td>") && page.contains("prefers-color-scheme: dark"));
    assert!(!page.contains("http"), "it needs nothing else");
    run(&["describe", "--html", "/nowhere/x.html"], &weather()).fails(1, &["/nowhere"]);
}

/// Numbers such as hashes, whose sum overflows every integer type.
#[test]
fn overflowing_integer_sums() {
    let dir = dir();
    let x = write(&dir, "ids.npy", &[4], &[i64::MAX, i64::MAX - 7, 3, 0]);
    let result = run(&["describe", "--json"], &x);
    assert!(result.err.contains("all is told in float64"), "{}", result.err);
    let found = result.json();
    let most = i64::MAX as f64;
    assert_eq!((&found["max"], &found["zeros"]), (&json!([most]), &json!([1])));
    assert_eq!(found["sum"], json!([most * 2.0]));
}
