//! Tests that cannot run everywhere.

/// Reports that a check was skipped because something is missing. If `CI` is `true` on Linux
/// everything is available (`.ci/run` installs it), and a skipped test is a failure.
///
/// # Panics
/// In continuous integration on Linux.
pub(crate) fn skip(what: &str) {
    let can_be_had =
        cfg!(target_os = "linux") && std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!can_be_had, "skipped, which is a failure where CI is true: {what}");
    // Not by `eprintln!`, which a passing test does not show.
    let words = format!("SKIPPED: {what}\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes());
}
