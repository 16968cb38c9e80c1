//! Sessions: rotation, reuse, ends.

use reqwest::Method;
use serde_json::json;
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;
use tollgate_tests::app::{PASSWORD, Session, TestApp};

// S18, R10
#[tokio::test]
async fn two_tabs_that_refresh_at_once_end_in_the_same_successor() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let (one, two) = tokio::join!(app.refresh(&session.refresh), app.refresh(&session.refresh));
    let [one, two] = [one.expect(200), two.expect(200)].map(|answer| Session::of(&answer));
    assert_eq!(one.refresh, two.refresh);
    assert_ne!(one.refresh, session.refresh);
    app.advance(10);
    let late = Session::of(&app.refresh(&session.refresh).await.expect(200));
    assert_eq!(late.refresh, one.refresh, "within the grace, as when an answer was lost");
    app.refresh(&one.refresh).await.expect(200);
}

// S18
#[tokio::test]
async fn a_rotated_token_after_the_grace_ends_the_whole_session() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    let other = app.sign_in(&email).await;
    let next = Session::of(&app.refresh(&session.refresh).await.expect(200));
    app.advance(11);
    let stolen = app.refresh(&session.refresh).await.refused(401, "invalid_refresh_token");
    assert!(stolen.cookie_line("refresh_token").unwrap().contains("Max-Age=0"));
    app.get_as(&next, "/me").await.refused(401, "unauthenticated");
    app.refresh(&next.refresh).await.refused(401, "invalid_refresh_token");
    app.get_as(&other, "/me").await.expect(200);
    let entry = app.table("audit").await.into_iter().find(|entry| entry["action"]["S"] == "session.revoked").unwrap();
    assert!(entry["after"].to_string().contains("refresh_token_reused"));
}

// S18
#[tokio::test]
async fn an_older_token_is_refused_within_the_grace_without_other_effect() {
    let app = TestApp::start().await;
    let (_, first) = app.person("ann").await;
    let second = Session::of(&app.refresh(&first.refresh).await.expect(200));
    let third = Session::of(&app.refresh(&second.refresh).await.expect(200));
    let refused = app.refresh(&first.refresh).await.refused(401, "invalid_refresh_token");
    assert!(refused.cookie_line("refresh_token").is_none(), "the session is live: its cookie stays");
    app.refresh(&third.refresh).await.expect(200);
}

// S18
#[tokio::test]
async fn a_rotated_session_ends_ninety_days_after_the_sign_in() {
    let app = TestApp::start().await;
    let (_, mut session) = app.person("ann").await;
    for day in [29, 58, 87] {
        app.advance(29 * 86_400);
        let answer = app.refresh(&session.refresh).await.expect(200);
        let remaining: i64 = (30 * 86_400).min((90 - day) * 86_400);
        assert!(answer.cookie_line("refresh_token").unwrap().contains(&format!("Max-Age={remaining}")), "day {day}");
        session = Session::of(&answer);
    }
    app.advance(3 * 86_400);
    app.refresh(&session.refresh).await.refused(401, "invalid_refresh_token");
    app.get_as(&session, "/me").await.refused(401, "unauthenticated");
}

// S18
#[tokio::test]
async fn a_token_that_is_not_used_for_thirty_days_is_refused() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    app.advance(30 * 86_400 - 1);
    let session = Session::of(&app.refresh(&session.refresh).await.expect(200));
    app.advance(30 * 86_400);
    app.refresh(&session.refresh).await.refused(401, "invalid_refresh_token");
    app.login(&email, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn every_invalid_refresh_token_gets_one_answer_and_clears_the_cookie() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    let forged = format!("{}A", &session.refresh[..session.refresh.len() - 1]);
    let forged_again = format!("{}B", &session.refresh[..session.refresh.len() - 1]);
    let _starting = app.calls();
    for bad in ["", "x", "a.b.c.d.e.f", forged.as_str(), forged_again.as_str()] {
        if bad == session.refresh {
            continue;
        }
        let answer = app.refresh(bad).await.refused(401, "invalid_refresh_token");
        assert!(answer.cookie_line("refresh_token").unwrap().contains("Max-Age=0"), "{bad}");
    }
    assert!(app.calls().is_empty(), "a token that is not ours costs no call");
    app.send(Method::POST, "/refresh-token", &[], None).await.refused(401, "invalid_refresh_token");
    app.refresh(&session.refresh).await.expect(200);
}

// S20
#[tokio::test]
async fn a_client_without_cookies_gets_the_token_in_the_body_and_no_cookie() {
    let app = TestApp::start().await;
    let email = app.member("ann").await;
    let body = json!({"email": email, "password": PASSWORD, "token_delivery": "body"});
    let answer = app.post("/login", body).await.expect(200);
    assert!(answer.cookie_line("refresh_token").is_none());
    let token = answer.body["refresh_token"].as_str().unwrap().to_owned();
    let body = json!({"refresh_token": token, "token_delivery": "body"});
    let next = app.post("/refresh-token", body.clone()).await.expect(200);
    assert!(next.cookie_line("refresh_token").is_none());
    let next = next.body["refresh_token"].as_str().unwrap().to_owned();
    // A token in the body takes precedence over a cookie.
    let cookie = format!("refresh_token={next}");
    let headers = [("content-type", "application/json"), ("cookie", cookie.as_str())];
    let body = json!({"refresh_token": "x", "token_delivery": "body"}).to_string();
    app.send(Method::POST, "/refresh-token", &headers, Some(body)).await.refused(401, "invalid_refresh_token");
    app.post("/logout", json!({"refresh_token": next})).await.expect(204);
    app.post("/refresh-token", json!({"refresh_token": next, "token_delivery": "body"}))
        .await
        .refused(401, "invalid_refresh_token");
    app.post("/login", json!({"email": email, "password": PASSWORD, "token_delivery": "smoke"}))
        .await
        .refused(422, "validation_failed");
}

// S17
#[tokio::test]
async fn signing_out_ends_the_session_at_once_even_with_a_rotated_token() {
    let app = TestApp::start().await;
    let (_, first) = app.person("ann").await;
    let second = Session::of(&app.refresh(&first.refresh).await.expect(200));
    let answer = app.with_cookie("/logout", &first.refresh).await.expect(204);
    assert!(answer.cookie_line("refresh_token").unwrap().contains("Max-Age=0"));
    app.get_as(&second, "/me").await.refused(401, "unauthenticated");
    app.refresh(&second.refresh).await.refused(401, "invalid_refresh_token");
    for nothing in ["", "x"] {
        app.with_cookie("/logout", nothing).await.expect(204);
    }
    app.send(Method::POST, "/logout", &[], None).await.expect(204);
}

#[tokio::test]
async fn sessions_are_listed_newest_first_in_pages_and_ended_one_by_one() {
    let app = TestApp::start().await;
    let email = app.member("ann").await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        app.advance(1);
        sessions.push(app.sign_in(&email).await);
    }
    let current = &sessions[2];
    let page = app.get_as(current, "/sessions?limit=2").await.expect(200).body;
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!((&items[0]["current"], &items[1]["current"]), (&json!(true), &json!(false)));
    assert_eq!(
        (&items[0]["ip"], &items[0]["created_at"], &items[0]["last_used_at"]),
        (&json!("127.0.0.1"), &json!("2026-03-01T12:00:03Z"), &json!("2026-03-01T12:00:03Z"))
    );
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = app.get_as(current, &format!("/sessions?limit=2&cursor={cursor}")).await.expect(200).body;
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &json!(null)));
    let oldest = rest["items"][0]["id"].as_str().unwrap();
    app.delete_as(current, &format!("/sessions/{oldest}")).await.expect(204);
    app.get_as(&sessions[0], "/me").await.refused(401, "unauthenticated");
    app.delete_as(current, &format!("/sessions/{oldest}")).await.refused(404, "not_found");
    let own = items[0]["id"].as_str().unwrap();
    app.delete_as(current, &format!("/sessions/{own}")).await.expect(204);
    app.get_as(current, "/me").await.refused(401, "unauthenticated");
    app.get_as(&sessions[1], "/me").await.expect(200);
}

// E6
#[tokio::test]
async fn all_other_sessions_end_at_once_and_with_all_this_one_too() {
    for (query, keeps_own) in [("", true), ("?all=false", true), ("?all=true", false)] {
        let app = TestApp::start().await;
        let email = app.member("ann").await;
        let (_, bob) = app.person("bob").await;
        let sessions = [app.sign_in(&email).await, app.sign_in(&email).await, app.sign_in(&email).await];
        let path = format!("/sessions{query}");
        app.delete_as(&sessions[1], &path).await.expect(204);
        for (index, session) in sessions.iter().enumerate() {
            let is_kept = keeps_own && index == 1;
            let (me, refresh) = if is_kept { (200, 200) } else { (401, 401) };
            assert_eq!(app.get_as(session, "/me").await.status, me, "{query} {index}");
            assert_eq!(app.refresh(&session.refresh).await.status, refresh, "{query} {index}");
        }
        app.get_as(&bob, "/me").await.expect(200);
        assert_eq!(app.actions().await.iter().filter(|action| *action == "session.revoked").count(), 1);
        app.delete_as(&sessions[0], &path).await.refused(401, "unauthenticated");
    }
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    for query in ["?all=yes", "?all=1", "?all=TRUE"] {
        app.delete_as(&ann, &format!("/sessions{query}")).await.refused(400, "invalid_filter");
        app.get_as(&ann, "/me").await.expect(200);
    }
}

#[tokio::test]
async fn a_wrong_limit_or_cursor_is_refused() {
    let app = TestApp::start().await;
    let (email, session) = app.person("ann").await;
    for limit in ["0", "101", "x", "-1", "1.5", ""] {
        app.get_as(&session, &format!("/sessions?limit={limit}")).await.refused(422, "validation_failed");
    }
    app.sign_in(&email).await;
    let page = app.get_as(&session, "/sessions?limit=1").await.body;
    let cursor = page["next_cursor"].as_str().unwrap();
    let (_, other) = app.person("bob").await;
    for cursor in ["x", "", "ses_0.0000000000000000", &cursor.to_lowercase(), &cursor[1..], &format!("{cursor}A")] {
        app.get_as(&session, &format!("/sessions?cursor={cursor}")).await.refused(400, "invalid_cursor");
    }
    app.get_as(&other, &format!("/sessions?cursor={cursor}")).await.refused(400, "invalid_cursor");
}

#[tokio::test]
async fn the_fifty_first_session_ends_the_oldest() {
    let app = TestApp::start().await;
    let (email, first) = app.person("ann").await;
    for _ in 0..49 {
        app.advance(1);
        app.sign_in(&email).await;
    }
    app.get_as(&first, "/me").await.expect(200);
    app.advance(1);
    let last = app.sign_in(&email).await;
    app.get_as(&first, "/me").await.refused(401, "unauthenticated");
    let page = app.get_as(&last, "/sessions?limit=100").await.expect(200).body;
    assert_eq!(page["items"].as_array().unwrap().len(), 50);
}

// R8
#[tokio::test]
async fn a_sign_in_whose_answer_was_lost_ends_only_the_oldest_session() {
    let app = TestApp::start().await;
    let (email, first) = app.person("ann").await;
    for _ in 0..48 {
        app.advance(1);
        app.sign_in(&email).await;
    }
    app.advance(1);
    // The fiftieth takes the last place, gets no answer, and tries again.
    app.fail_operation(Service::Dynamodb, "UpdateItem", Kind::LostResponse, 1);
    app.sign_in(&email).await;
    app.get_as(&first, "/me").await.expect(200);
    assert_eq!(app.get_as(&first, "/sessions?limit=100").await.body["items"].as_array().unwrap().len(), 50);
}

// S25
#[tokio::test]
async fn another_users_session_is_reported_as_not_existing() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    let (_, bob) = app.person("bob").await;
    let of_bob = app.get_as(&bob, "/sessions").await.body["items"][0]["id"].as_str().unwrap().to_owned();
    let missing = "ses_00000000000070008000000000000000";
    let mut bodies = Vec::new();
    for id in [of_bob.as_str(), missing, "ses_x", "usr_1", "%00"] {
        let mut answer = app.delete_as(&ann, &format!("/sessions/{id}")).await.refused(404, "not_found");
        answer.body["request_id"].take();
        bodies.push(answer.body);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    app.get_as(&bob, "/me").await.expect(200);
}

// R8
#[tokio::test]
async fn a_retry_recognises_a_rotation_whose_answer_was_lost() {
    let app = TestApp::start().await;
    let (_, session) = app.person("ann").await;
    app.fail_operation(Service::Dynamodb, "UpdateItem", Kind::LostResponse, 1);
    let next = Session::of(&app.refresh(&session.refresh).await.expect(200));
    assert_eq!(
        app.table("sessions").await.iter().filter_map(|row| row["n"]["N"].as_str()).max(),
        Some("1"),
        "rotated once"
    );
    app.refresh(&next.refresh).await.expect(200);
}
