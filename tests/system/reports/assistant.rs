//! The assistant, which writes statements.

use super::*;

/// The body of a chat completion with this content.
fn completion(content: &str) -> Value {
    let message = json!({"role": "assistant", "content": content});
    json!({"body": {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}})
}

async fn script(app: &TestApp, answers: Value) {
    app.post("/_local/ai", json!({"answers": answers})).await.expect(200);
}

async fn ask(app: &TestApp, admin: &Session, question: &str) -> Answer {
    app.post_as(admin, "/admin/ai/ask", json!({"question": question})).await
}

#[tokio::test]
async fn the_assistant_proposes_a_statement_and_runs_nothing() {
    let (app, admin) = app_and_admin().await;
    let (email, _) = app.person("ann").await;
    let answer = ask(&app, &admin, "How many users are there?").await.expect(200).body;
    assert_eq!(answer["sql"], "SELECT count(*) AS users FROM users");
    assert_eq!(answer["cannot"], Value::Null);
    assert!(answer["assumptions"][0].as_str().unwrap().contains("fake model"));
    assert_eq!(app.get_as(&admin, "/admin/reports").await.expect(200).body["items"], json!([]));
    // The model received the schema and the question, and no personal data.
    let sent = app.get("/_local/ai").await.expect(200).body["items"][0].to_string();
    for needed in ["subscription_history", "How many users are there?", "2026-03-01", "json_object"] {
        assert!(sent.contains(needed), "{needed}");
    }
    assert!(!sent.contains(&email) && !sent.contains(ADMIN.0), "{sent}");
}

#[tokio::test]
async fn an_unusable_answer_is_corrected_once() {
    let (app, admin) = app_and_admin().await;
    let wrong =
        completion(r#"{"sql": "SELECT emial FROM users", "explanation": "x", "assumptions": [], "cannot": null}"#);
    let right = completion(
        r#"{"sql": "SELECT email FROM users", "explanation": "All addresses.", "assumptions": ["a"], "cannot": null}"#,
    );
    script(&app, json!([wrong, right])).await;
    let answer = ask(&app, &admin, "Which addresses are there?").await.expect(200).body;
    assert_eq!((&answer["sql"], &answer["explanation"]), (&json!("SELECT email FROM users"), &json!("All addresses.")));
    let repair = app.get("/_local/ai").await.body["items"][0]["messages"].as_array().unwrap().last().unwrap().clone();
    assert!(repair["content"].as_str().unwrap().contains("no such column: emial. Did you mean email"), "{repair}");
    for useless in [
        "Just count them.",
        r#"{"sql": "SELECT 1"#,
        r#"{"sql": "SELECT 1; SELECT 2"}"#,
        r#"{"sql": "DELETE FROM users"}"#,
        "",
    ] {
        script(&app, json!([completion(useless), completion(useless), right])).await;
        ask(&app, &admin, "x").await.refused(502, "ai_unavailable");
    }
}

#[tokio::test]
async fn a_model_that_declines_says_why_and_one_that_fails_is_unavailable() {
    let (app, admin) = app_and_admin().await;
    script(&app, json!([completion(r#"{"sql": null, "cannot": "No country is stored."}"#)])).await;
    let declined = ask(&app, &admin, "Where do they live?").await.expect(200).body;
    assert_eq!((&declined["sql"], &declined["cannot"]), (&Value::Null, &json!("No country is stored.")));
    let refusal =
        json!({"body": {"choices": [{"message": {"role": "assistant", "content": null, "refusal": "I will not."}}]}});
    script(&app, json!([refusal])).await;
    assert_eq!(ask(&app, &admin, "x").await.expect(200).body["cannot"], "I will not.");
    for broken in [
        json!({"status": 429, "body": {"error": {"message": "slow down"}}}),
        json!({"status": 500, "body": "oops"}),
        json!({"status": 401, "body": {}}),
        json!({"body": "{\"choices\": [{\"mess"}),
        json!({"body": {"choices": []}}),
        json!({"body": ""}),
    ] {
        script(&app, json!([broken])).await;
        ask(&app, &admin, "x").await.refused(502, "ai_unavailable");
    }
    // R16: the model does not answer.
    app.fail(Service::Ai, Kind::Hang, 0, 1);
    ask(&app, &admin, "x").await.refused(502, "ai_unavailable");
}

#[tokio::test]
async fn a_question_is_bounded_and_includes_a_failed_statement() {
    let (app, admin) = app_and_admin().await;
    for wrong in [
        json!({}),
        json!({"question": "  "}),
        json!({"question": "x".repeat(4001)}),
        json!({"question": "x", "sql": "x".repeat(20_001)}),
        json!({"question": "x", "error": "x".repeat(4001)}),
    ] {
        app.post_as(&admin, "/admin/ai/ask", wrong).await.refused(422, "validation_failed");
    }
    let repair = json!({"question": "How many?", "sql": "SELECT conut(*)", "error": "no such function: conut"});
    app.post_as(&admin, "/admin/ai/ask", repair).await.expect(200);
    let sent = app.get("/_local/ai").await.body["items"][0].to_string();
    assert!(sent.contains("SELECT conut(*)") && sent.contains("no such function: conut"));
}

#[tokio::test]
async fn an_admin_asks_five_questions_a_minute_and_two_hundred_a_day() {
    let admin = Some((ADMIN.0.to_owned(), Secret::new(ADMIN.1.to_owned())));
    let env = vec![("ACCESS_TOKEN_EXPIRE".to_owned(), "1d".to_owned())];
    let app = TestApp::start_with(Options { admin, env, ..limited() }).await;
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    for asked in 0..200 {
        if asked % 5 == 0 && asked > 0 {
            let refused = ask(&app, &admin, "x").await.refused(429, "rate_limited");
            assert_eq!(refused.headers["ratelimit-policy"], "\"user\";q=5;w=60");
            app.advance(60);
        }
        ask(&app, &admin, "x").await.expect(200);
    }
    app.advance(60);
    let refused = ask(&app, &admin, "x").await.refused(429, "rate_limited");
    assert_eq!(refused.headers["ratelimit-policy"], "\"user-day\";q=200;w=86400");
}

#[tokio::test]
async fn without_a_key_there_is_no_assistant() {
    let mut options = options();
    options.env.push(("GROQ_API_KEY".to_owned(), "unset".to_owned()));
    options.admin = Some((ADMIN.0.to_owned(), Secret::new(ADMIN.1.to_owned())));
    let app = TestApp::start_with(options).await;
    let admin = Session::of(&app.login(ADMIN.0, ADMIN.1).await.expect(200));
    ask(&app, &admin, "x").await.refused(503, "ai_not_configured");
}
