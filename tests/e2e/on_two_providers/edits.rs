//! A manifest is edited: what the gateway says of it, and what requests get.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tstack::event::Event;

use super::{Beside, Side};
use crate::support::client::{curl, runtime};
use crate::support::program::Said;
use crate::support::{Sandbox, holds, part, same, told};

/// The longest that Envoy may take to hear of what the gateway has already judged.
const PATIENCE: Duration = Duration::from_secs(30);

/// As the user rule of the stack is, and as only the gateway's translator refuses it.
const RULE: &str = "- { type: Distinct, name: x-user-id }";
const REFUSED: &str =
    "# tstack: ignore TS303 because the gateway's own words are wanted\n                - { type: Distinct, name: x-user-id, value: a }";

/// A copy of the stack's folder that may be edited.
struct Copy {
    folder: PathBuf,
    routes: PathBuf,
    good: String,
}

impl Copy {
    fn of_the_stack(s: &Sandbox) -> Self {
        // in the log folder: what is there is not compared at the end
        let folder = s.log().join("stack");
        for (path, bytes) in tstack::stack::shipped_folder("task-api").unwrap().files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let routes = folder.join("manifests/routes.yaml");
        let good = std::fs::read_to_string(&routes).unwrap();
        assert!(good.contains(RULE), "{good}");
        Self { folder, routes, good }
    }

    /// Saves the routes with one text in the place of another.
    fn save(&self, from: &str, to: &str) {
        std::fs::write(&self.routes, self.good.replace(from, to)).unwrap();
    }

    fn up(&self, s: &Sandbox, side: &Side<'_>) -> Said {
        let folder = self.folder.to_str().unwrap();
        side.up(s, &[folder, "--no-verify", "--output", "json"])
    }
}

pub(super) fn a_policy_that_is_refused_is_told_in_the_same_words(on: &Beside<'_>) {
    part("a policy that the gateway refuses, on both");
    let s = on.sandbox;
    let files = Copy::of_the_stack(s);
    let sides = [&on.host, &on.kind];
    files.save(RULE, REFUSED);
    let words = sides.map(|side| {
        let up = files.up(s, side);
        same(&format!("{}: `up` exits with 4", side.name), &up.code, &Some(4));
        let of =
            |event| if let Event::StepFailed { id, failure, took } = event { Some((id, failure.what, failure.why, took)) } else { None };
        let (step, what, why, took) = told::events(&up).into_iter().find_map(of).unwrap_or_else(|| panic!("{}", up.all()));
        println!("        (the verdict came {:.2} s after the policy was applied)", took.as_secs_f64());
        (step, what, why)
    });
    holds("it has the translator's words", words[0].2.iter().any(|why| why.contains("unable to translate rateLimit")), || {
        format!("{words:?}")
    });
    same("which are the same on both", &words[0], &words[1]);
    for side in sides {
        answers(s, side, 500);
    }
    files.save(RULE, RULE);
    for side in sides {
        files.up(s, side).well();
        answers(s, side, 200);
    }
}

pub(super) fn a_saved_file_is_applied_at_once(on: &Beside<'_>) {
    part("`up --watch`, while files are saved");
    let s = on.sandbox;
    let files = Copy::of_the_stack(s);
    let own = on.host.args.iter().map(String::as_str);
    let args: Vec<&str> =
        ["up", files.folder.to_str().unwrap(), "--watch", "--no-verify", "--output", "json"].into_iter().chain(own).collect();
    let mut watch = s.start_tstack(on.host.name, &args);
    let ended = |line: &str| line.contains(r#""event":"plan.finished""#) || line.contains(r#""event":"summary""#);
    holds("it begins with an `up`", watch.line_that(ended).is_some(), String::new);
    for (limit, text) in [("7", "limit: { requests: 7, unit: Minute }"), ("100", "limit: { requests: \"${userLimit}\", unit: Minute }")] {
        let began = Instant::now();
        files.save("limit: { requests: \"${userLimit}\", unit: Minute }", text);
        let applied = watch.line_that(|line| line.contains(r#""event":"step.done""#) && line.contains("ready:routes"));
        println!("        (applied {:.2} s after it was saved)", began.elapsed().as_secs_f64());
        holds("a saved file is applied", applied.is_some(), String::new);
        limit_is(s, &on.host, limit);
    }
    let pid = watch.pid().to_string();
    s.run("kill", &["-INT", &pid]).well();
    let said = watch.finish();
    same("Ctrl-C ends it well", &said.code, &Some(0));
    answers(s, &on.host, 200);
}

/// Asks until the status is that one: Envoy hears of a change after the gateway has judged it.
fn answers(s: &Sandbox, side: &Side<'_>, wanted: u16) {
    let seen = until(|| curl(s, &["-H", "x-user-id: edits", &side.tasks()]).0, |status| *status == wanted);
    same(&format!("{}: requests get {wanted}", side.name), &seen, &wanted);
}

fn limit_is(s: &Sandbox, side: &Side<'_>, limit: &str) {
    let wanted = format!("x-ratelimit-limit: {limit}");
    let asked = || s.run("curl", &["-sS", "--include", "--max-time", "20", "-H", "x-user-id: watched", &side.tasks()]).stdout;
    let seen = until(asked, |answer| answer.lines().any(|line| line.trim_end() == wanted));
    holds(&format!("{}: the limit is {limit}", side.name), seen.contains(&wanted), || seen.clone());
}

/// The first look that shows what is wanted, or the last within the deadline.
fn until<T>(mut look: impl FnMut() -> T, wanted: impl Fn(&T) -> bool) -> T {
    let began = Instant::now();
    let runtime = runtime();
    let mut ticks = runtime.block_on(async { tokio::time::interval(Duration::from_millis(100)) });
    loop {
        runtime.block_on(ticks.tick());
        let seen = look();
        if wanted(&seen) || began.elapsed() > PATIENCE {
            return seen;
        }
    }
}
