//! The pages, opened in a real browser: on a phone and on a desk, light and dark. Where there is no
//! Chromium it says so and passes (not in continuous integration); `CHROMIUM` names one that is
//! elsewhere.

#[path = "../../core/tests/common/skipped.rs"]
mod skipped;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rowmill_core::CreateOptions;
use serde_json::Value;
use skipped::skip;

/// The path of a browser that starts.
fn browser() -> Option<PathBuf> {
    let given = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    let all = given.into_iter().chain(names.map(PathBuf::from));
    all.into_iter().find(|name| {
        let version = Command::new(name).arg("--version").output();
        version.is_ok_and(|version| version.status.success())
    })
}

/// Looks at the page in a frame as wide as a screen: browsers have no windows as narrow as a phone.
const LOOK: &str = include_str!("look.js");

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;")
}

/// The page as a reader sees it on a screen this wide.
fn look(browser: &Path, dir: &Path, page: &str, width: u32, dark: bool) -> Value {
    let harness = dir.join(format!("look-{width}-{dark}.html"));
    let html = format!(
        "<!DOCTYPE html><meta charset=\"utf-8\"><pre id=\"result\"></pre><iframe id=\"frame\" \
         style=\"width:{width}px;height:900px;border:0\" srcdoc=\"{}\"></iframe>\
         <script>{LOOK}</script>",
        escape(page)
    );
    std::fs::write(&harness, html).expect("room");
    let scheme = format!("--blink-settings=preferredColorScheme={}", i32::from(!dark));
    let profile =
        format!("--user-data-dir={}", dir.join(format!("profile-{width}-{dark}")).display());
    let flags =
        ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"];
    let url = format!("file://{}", harness.display());
    let mut started = Command::new(browser)
        .args(flags)
        .args([&scheme, &profile, &url])
        .stdout(std::fs::File::create(dir.join("dom")).expect("room"))
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it started before");
    // A browser may hang, and a test may not.
    let begin = Instant::now();
    while started.try_wait().expect("a child").is_none() {
        if begin.elapsed() > Duration::from_secs(60) {
            let _ = started.kill();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let dom = std::fs::read_to_string(dir.join("dom")).expect("written");
    let result =
        dom.split("<pre id=\"result\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let result = result.unwrap_or_else(|| panic!("no result in {dom}"));
    serde_json::from_str(result).unwrap_or_else(|e| panic!("{e}: {result}"))
}

#[test]
fn pages_look_right_on_a_phone_and_on_a_desk_light_and_dark() {
    let Some(browser) = browser() else {
        return skip("no Chromium found, so no page was looked at; set CHROMIUM to its path");
    };
    let dir = tempfile::tempdir().expect("a place for files");
    let array = dir.path().join("x.npy");
    CreateOptions::new().create::<f32>(&array, [1000, 100]).expect("room").close().expect("a disk");
    let to = dir.path().join("out.html");
    let mut command = Command::new(env!("CARGO_BIN_EXE_limit"));
    let command = command.arg(&array).args(["--kernels", "--runs", "3", "--write"]).arg(dir.path());
    let ran = command.arg("--report").arg(&to).output().expect("the binary starts");
    assert!(ran.status.success(), "{ran:?}");
    let page = std::fs::read_to_string(&to).expect("written");
    for (width, dark) in [(360, false), (360, true), (1280, false), (1280, true)] {
        let seen = look(&browser, dir.path(), &page, width, dark);
        let number = |key: &str| seen[key].as_f64().unwrap_or(f64::NAN);
        assert_eq!(number("charts"), 3.0, "reads, writes and kernels: {seen}");
        assert!(number("wide") <= f64::from(width), "it scrolls sideways: {seen}");
        assert!(number("narrowest") >= 280.0, "{seen}");
        assert_eq!(
            seen["beside"],
            width > 1000,
            "charts beside each other where there is room: {seen}"
        );
        assert_eq!(seen["outside"], Value::Array(Vec::new()), "text is cut off: {seen}");
        assert!(number("smallest") >= 9.0, "text is too small: {seen}");
        assert_eq!(seen["dark"], dark, "{seen}");
        // The guidelines for accessible content ask for this contrast of text, and of shapes.
        assert!(number("contrast") >= 4.5, "{seen}");
        assert_eq!(number("bars"), 0.0, "{seen}");
        assert!(number("samples") > 10.0, "every sample is inside: {seen}");
    }
}
