//! One JSON object per line on standard output, for the few events of a process's life.

use std::io::Write;
use std::time::SystemTime;

use serde_json::Value;

/// Writes one event; a reader that has gone away is no reason to stop serving.
pub fn event(name: &str, mut fields: Value) {
    fields["event"] = name.into();
    fields["time"] = humantime::format_rfc3339_millis(SystemTime::now()).to_string().into();
    let _ = writeln!(std::io::stdout(), "{fields}");
}
