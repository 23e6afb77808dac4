//! Tests that cannot run everywhere.

/// Reports that a check was skipped, and why. If `CI` is `true` on Linux, everything needed is
/// available (`.ci/run` installs it), and a skipped test is a failure.
///
/// # Panics
/// Panics in continuous integration on Linux.
pub(crate) fn skip(what: &str) {
    let can_be_had =
        cfg!(target_os = "linux") && std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!can_be_had, "skipped, which is a failure where CI is true: {what}");
    // `eprintln!` would be captured if the test passes.
    let words = format!("SKIPPED: {what}\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes());
}
