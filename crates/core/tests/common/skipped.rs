//! Tests that cannot run everywhere.

/// Says that something was not checked for want of something. Where `CI` is `true` on Linux all of
/// it can be had (`.ci/run` installs it), and a test that is not run is a failure.
///
/// # Panics
/// In continuous integration on Linux.
pub(crate) fn skip(what: &str) {
    let can_be_had =
        cfg!(target_os = "linux") && std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!can_be_had, "skipped, which is a failure where CI is true: {what}");
    // Not by `eprintln!`, of which a test that passes shows nothing.
    let words = format!("SKIPPED: {what}\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes());
}
