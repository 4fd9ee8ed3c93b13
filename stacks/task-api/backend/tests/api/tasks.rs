//! The tasks resource as a client sees it, on every path it is served under.

use crate::service::Service;
use serde_json::{Value, json};

#[tokio::test]
async fn a_task_lives_and_dies_under_every_prefix() {
    for prefix in ["/api", "/api/v1", "/api/v2"] {
        let service = Service::new();
        let tasks = format!("{prefix}/tasks");
        let made = service.send(&format!("POST {tasks}"), Some(json!({ "title": " a " }))).await;
        assert_eq!((made.status.as_u16(), made.header("location")), (201, &*format!("{tasks}/1")));
        let task = made.json();
        assert_eq!(
            (&task["id"], &task["title"], &task["done"]),
            (&1.into(), &"a".into(), &false.into())
        );
        assert_eq!((&task["version"], &task["created_at"]), (&"v2".into(), &task["updated_at"]));

        let item = format!("{tasks}/1");
        assert_eq!(service.get(&item).await.json(), task);
        let patch = json!({ "done": true, "description": "text" });
        let patched = service.send(&format!("PATCH {item}"), Some(patch)).await;
        let patched = patched.json();
        assert_eq!((&patched["title"], &patched["done"]), (&"a".into(), &true.into()));
        let put = service.send(&format!("PUT {item}"), Some(json!({ "title": "b" }))).await.json();
        assert_eq!((&put["title"], &put["description"]), (&"b".into(), &"".into()));
        let again = service.send(&format!("PUT {item}"), Some(put.clone())).await;
        assert_eq!((again.status.as_u16(), &again.json()["title"]), (200, &"b".into()));

        let gone = service.send(&format!("DELETE {item}"), None).await;
        assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""));
        assert_eq!(gone.header("x-api-version"), "v2");
        for method in ["GET", "DELETE"] {
            service.send(&format!("{method} {item}"), None).await.problem(404, &item);
        }
        for method in ["PUT", "PATCH"] {
            let body = Some(json!({ "title": "c" }));
            service.send(&format!("{method} {item}"), body).await.problem(404, &item);
        }
    }
}

#[tokio::test]
async fn lists_come_in_pages_with_the_version() {
    let service = Service::new();
    let empty = json!({ "tasks": [], "total": 0, "next_cursor": null, "version": "v2" });
    assert_eq!(service.get("/api/tasks").await.json(), empty);
    for title in ["a", "b", "c"] {
        service.send("POST /api/tasks", Some(json!({ "title": title }))).await;
    }
    let titles = |page: &Value| {
        let tasks = page["tasks"].as_array().unwrap();
        tasks.iter().map(|task| task["title"].as_str().unwrap().to_owned()).collect::<String>()
    };
    let first = service.get("/api/v1/tasks?limit=2").await.json();
    assert_eq!((titles(&first).as_str(), &first["total"]), ("ab", &3.into()));
    let rest = format!("/api/v2/tasks?limit=2&cursor={}", first["next_cursor"]);
    let rest = service.get(&rest).await.json();
    assert_eq!((titles(&rest).as_str(), &rest["next_cursor"]), ("c", &Value::Null));

    let wrong = service.get("/api/tasks?limit=0&cursor=x").await.problem(400, "/api/tasks");
    assert_eq!(wrong["errors"][0]["parameter"], "limit");
    assert_eq!(wrong["errors"][0]["message"], "must be a number from 1 to 500");
    assert_eq!(wrong["errors"][1]["parameter"], "cursor");
}

#[tokio::test]
async fn a_full_store_says_so() {
    let service = Service::new();
    for _ in 0..3 {
        service.send("POST /api/tasks", Some(json!({ "title": "a" }))).await;
    }
    let full = service.send("POST /api/tasks", Some(json!({ "title": "a" }))).await;
    assert_eq!(full.problem(507, "/api/tasks")["title"], "Too many tasks");
}

#[tokio::test]
async fn wrong_bodies_are_problems() {
    let service = Service::new();
    service.send("POST /api/tasks", Some(json!({ "title": "a" }))).await;
    for (line, path) in [
        ("POST /api/tasks?delay_ms=0", "/api/tasks"),
        ("PUT /api/v1/tasks/1", "/api/v1/tasks/1"),
        ("PATCH /api/v2/tasks/1", "/api/v2/tasks/1"),
    ] {
        let body = json!({ "title": "x".repeat(201), "done": 1 });
        let invalid = service.send(line, Some(body)).await.problem(422, path);
        let errors = json!([
            { "pointer": "/done", "message": "must be true or false" },
            { "pointer": "/title", "message": "must have 1 to 200 characters" },
        ]);
        assert_eq!((&invalid["errors"], &invalid["title"]), (&errors, &"Invalid request".into()));

        let json = Some("application/json");
        service.send_raw(line, json, "{\"title\":".into()).await.problem(400, path);
        service.send_raw(line, json, String::new()).await.problem(400, path);
        service.send_raw(line, json, "[".repeat(1000)).await.problem(400, path);
        service
            .send_raw(line, json, format!("\"{}\"", "x".repeat(65_536)))
            .await
            .problem(413, path);
        service.send_raw(line, None, "{}".into()).await.problem(415, path);
        service.send_raw(line, Some("text/plain"), "{}".into()).await.problem(415, path);
    }
    let merge = Some("application/merge-patch+json");
    let patched = service.send_raw("PATCH /api/tasks/1", merge, "{\"done\":true}".into()).await;
    assert_eq!(patched.json()["done"], true);
}

#[tokio::test]
async fn a_task_has_one_address() {
    let service = Service::new();
    service.send("POST /api/tasks", Some(json!({ "title": "a" }))).await;
    for path in ["/api/tasks/01", "/api/tasks/+1", "/api/tasks/x", "/api/tasks/0", "/api/tasks/1/"]
    {
        service.get(path).await.problem(404, path);
    }
    service.get("/api/tasks/%ff").await.problem(404, "/api/tasks/%ff");
}
