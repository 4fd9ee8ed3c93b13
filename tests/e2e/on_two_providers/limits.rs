//! Both limits, at the same request and in the same words.

use tstack::world::http::Answer;

use super::Beside;
use crate::support::client::{count, on_one_connection, refilled, user};
use crate::support::{part, same};

pub(super) fn refuse_at_the_same_request_in_the_same_words(on: &Beside<'_>) {
    part("the limits of both");
    let [here, there] = [&on.host, &on.kind].map(|side| on_one_connection(&side.tasks(), &user("e2e-both"), 110));
    // the bucket gains a token each 0.6 s while the requests run
    for (side, answers) in [("host", &here), ("kind", &there)] {
        same(&format!("{side}: the first hundred of a user pass"), &count(&answers[..100], 200), &100);
        same(&format!("{side}: and of the rest at most one"), &(count(&answers[100..], 429) >= 9), &true);
    }
    same("the refusal of a user is the same", &refusal(&here), &refusal(&there));
    let [here, there] = [&on.host, &on.kind].map(|side| {
        let url = side.tasks();
        refilled(&url, 10);
        on_one_connection(&url, &http::HeaderMap::new(), 15)
    });
    for (side, answers) in [("host", &here), ("kind", &there)] {
        same(&format!("{side}: 15 without a user: 10 x 200, 5 x 429"), &(count(answers, 200), count(answers, 429)), &(10, 5));
    }
    let codes = |answers: &[Answer]| answers.iter().map(|answer| answer.status.as_u16()).collect::<Vec<_>>();
    same("refused are the same ones", &codes(&here), &codes(&there));
    same("the refusal of who names no user is the same", &refusal(&here), &refusal(&there));
}

/// The last answer: status, headers but for times, body.
fn refusal(answers: &[Answer]) -> (u16, Vec<(String, String)>, String) {
    let last = answers.last().unwrap();
    let times = ["date", "x-ratelimit-reset"];
    let value = |name: &str, value: &http::HeaderValue| {
        if times.contains(&name) { "…".to_owned() } else { String::from_utf8_lossy(value.as_bytes()).into_owned() }
    };
    let headers = last.headers.iter().map(|(name, is)| (name.as_str().to_owned(), value(name.as_str(), is))).collect();
    (last.status.as_u16(), headers, String::from_utf8_lossy(&last.body).into_owned())
}
