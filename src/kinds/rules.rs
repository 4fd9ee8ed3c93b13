//! The rules of kinds, written in CEL.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, OnceLock};

use cel::common::types::{CelBool, CelInt, CelOptional, CelString};
use cel::{Context, DeclarationError, Env, ExecutionError, Program, Value, extensions};
use serde::Deserialize;

use super::path::Path;
use super::pattern::compiled;
use super::schema::Schema;
use super::{Cause, Fault, value};
use crate::yaml::{Data, Node};

/// A rule in CEL.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// The rule.
    #[serde(rename = "rule")]
    pub(super) text: Box<str>,
    /// What to say where it does not hold.
    #[serde(default)]
    message: Option<Box<str>>,
    /// The rule compiled, once it was needed; none where it compares with what was there before, which a create does not have.
    #[serde(skip)]
    program: OnceLock<Result<Option<Program>, String>>,
}

/// The functions of CEL and those of Kubernetes that the rules use; a test compiles every rule against it.
static LANGUAGE: LazyLock<Result<Arc<Env>, DeclarationError>> = LazyLock::new(|| language().map(Arc::new));

fn language() -> Result<Env, DeclarationError> {
    let mut env = Env::stdlib();
    env.add_extension(extensions::strings)?;
    // the crate's own compiles the expression at each call, and knows Rust's `\d` and not Go's
    cel::add_member_overload!(env, fn matches: (CelString, CelString) -> Result<CelBool>)?;
    // nanoseconds are enough where durations are only compared
    cel::add_overload!(env, fn duration: (CelString) -> Result<CelInt>)?;
    cel::add_overload!(env, fn is_ip: (CelString) -> CelBool, name = "isIP")?;
    cel::add_overload!(env, fn dns_label: () -> CelString, name = "format.dns1123Label")?;
    cel::add_member_overload!(env, fn validate: (CelString, CelString) -> CelOptional)?;
    Ok(env)
}

fn matches(text: &CelString<'_>, pattern: &CelString<'_>) -> Result<CelBool, ExecutionError> {
    let regex = compiled(pattern.inner()).ok_or_else(|| ExecutionError::function_error("matches", "not a regular expression"))?;
    Ok(CelBool::from(regex.is_match(text.inner())))
}

fn duration(text: &CelString<'_>) -> Result<CelInt, ExecutionError> {
    let nanos = go_duration(text.inner()).ok_or_else(|| ExecutionError::function_error("duration", "not a duration"))?;
    Ok(CelInt::from(nanos))
}

/// A duration as Go reads it, in nanoseconds.
fn go_duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0.0;
    while total == 0.0 || !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).filter(|at| *at > 0)?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        rest = &rest[letters..];
        total += number * unit;
        if rest.is_empty() {
            break;
        }
    }
    // 292 years; what is longer is no duration of Go's
    #[expect(clippy::cast_possible_truncation, reason = "within the range of 64 bits, as just compared")]
    (total < 9.2e18).then_some((total * sign) as i64)
}

fn is_ip(text: &CelString<'_>) -> CelBool {
    CelBool::from(text.inner().parse::<IpAddr>().is_ok())
}

fn dns_label() -> CelString<'static> {
    CelString::from("dns1123Label")
}

/// What is wrong with a text, where something is; of the formats, the rules use one.
fn validate(_format: &CelString<'_>, text: &CelString<'_>) -> CelOptional<'static> {
    if crate::input::is_label(text.inner(), 63) { CelOptional::none() } else { CelOptional::of(Box::new(CelBool::from(false))) }
}

impl Rule {
    fn program(&self) -> &Result<Option<Program>, String> {
        self.program.get_or_init(|| {
            let env = LANGUAGE.as_ref().map_err(ToString::to_string)?;
            let program = env.compile(&self.text).map_err(|error| error.to_string())?;
            let transition = program.references().has_variable("oldSelf");
            Ok((!transition).then_some(program))
        })
    }

    /// Why the rule cannot be evaluated, whatever it is held against.
    #[cfg(test)]
    pub(super) fn broken(&self) -> Option<String> {
        const KNOWN: &[&str] = &[
            "contains",
            "dns1123Label",
            "duration",
            "endsWith",
            "format.dns1123Label",
            "isIP",
            "lowerAscii",
            "matches",
            "size",
            "split",
            "startsWith",
            "substring",
            "upperAscii",
            "validate",
        ];
        match self.program() {
            Err(error) => Some(error.clone()),
            Ok(None) => None,
            Ok(Some(program)) => {
                let functions = program.references().functions().into_iter().map(str::to_owned).collect::<Vec<_>>();
                // operators have names such as `_==_`
                let word = |name: &&String| name.starts_with(|c: char| c.is_alphabetic());
                functions.iter().filter(word).find(|name| !KNOWN.contains(&name.as_str())).map(|name| format!("no function {name}"))
            }
        }
    }

    /// What is wrong with a value, if something is.
    fn judge(&self, context: &Context<'_, '_>) -> Option<String> {
        let message = || self.message.as_deref().map_or_else(|| format!("the rule `{}` does not hold", self.text), sentence);
        let program = match self.program() {
            Ok(None) => return None,
            Ok(Some(program)) => program,
            Err(error) => return Some(format!("{} (tstack cannot read this rule: {error})", message())),
        };
        match program.execute(context) {
            Ok(Value::Bool(true)) => None,
            Ok(_) => Some(message()),
            Err(error) => {
                let mut text = message();
                let _ = write!(text, " (the rule could not be evaluated: {error})");
                Some(text)
            }
        }
    }
}

/// The message of a rule as one sentence without a full stop.
fn sentence(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned()
}

/// Holds a value and all that is in it against the rules of its schema. What has a fault already is not judged again.
pub(super) fn judge(node: &Node, schema: &Schema, path: Path<'_>, skip_status: bool, faults: &mut Vec<Fault>) {
    if !schema.has_rules() {
        return;
    }
    match &node.data {
        Data::Map(entries) => {
            for (key, inner) in entries {
                let below = schema.property(key.text.as_str());
                if let Some(below) = below.filter(|_| !(skip_status && path.is_root() && key.text == "status")) {
                    judge(inner, below, path.key(&key.text), skip_status, faults);
                }
            }
        }
        Data::List(items) => {
            for (at, item) in items.iter().enumerate() {
                if let Some(below) = &schema.items {
                    judge(item, below, path.item(at), skip_status, faults);
                }
            }
        }
        _ => {}
    }
    let Ok(env) = LANGUAGE.as_ref() else { return };
    if schema.rules.is_empty() || has_fault(path, faults) {
        return;
    }
    let mut context = Context::with_env(Arc::clone(env));
    context.add_variable_as_val("self", value::value(node));
    for rule in &schema.rules {
        if let Some(message) = rule.judge(&context) {
            let on_key = matches!(node.data, Data::Map(_) | Data::List(_));
            let message = format!("{path}: {message}");
            faults.push(Fault { pointer: path.pointer(), on_key, message, hint: None, cause: Cause::Rule });
        }
    }
}

/// Whether there is a fault of the schema at a place or below.
fn has_fault(path: Path<'_>, faults: &[Fault]) -> bool {
    if faults.is_empty() {
        return false;
    }
    let pointer = path.pointer();
    let below = |fault: &&Fault| fault.pointer.strip_prefix(&pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    faults.iter().filter(|fault| fault.cause != Cause::Rule).any(|fault| below(&fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_what_go_takes_for_one() {
        for (text, nanos) in
            [("1s", 1_000_000_000), ("1h30m", 5_400_000_000_000), ("1.5ms", 1_500_000), ("0", 0), ("0s", 0), ("-2s", -2_000_000_000)]
        {
            assert_eq!(go_duration(text), Some(nanos), "{text}");
        }
        for bad in ["", "1", "s", "1d", "-", "1s2", "."] {
            assert_eq!(go_duration(bad), None, "{bad}");
        }
    }
}
