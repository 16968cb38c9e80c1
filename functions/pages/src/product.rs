//! What the account pages know of the product that they belong to: where it is, whether an address leads back to it, and
//! what it offers.

use crate::config::Config;
use crate::offer::Offer;
use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use serde::{Deserialize, Serialize};

/// The address to return to, as the page received it.
#[derive(Deserialize)]
pub struct Requested {
    return_to: Option<String>,
}

/// The answer for a page.
#[derive(Serialize)]
pub struct Product {
    /// The product's front end, unless that is the account pages themselves.
    front_end: Option<String>,
    /// The requested address, if it is one of an allowed origin (S21).
    return_to: Option<String>,
    offer: Offer,
}

/// `GET /account/product.json`.
pub fn read(config: &Config, requested: Result<Query<Requested>, QueryRejection>) -> Json<Product> {
    let requested = requested.ok().and_then(|Query(requested)| requested.return_to);
    let return_to = requested.filter(|address| config.origins.allow_address(address));
    Json(Product { front_end: config.front_end.clone(), return_to, offer: config.offer })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router;
    use axum::body::Body;
    use http::{Request, StatusCode};
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use tollgate_platform::{Clock, Env};
    use tower::ServiceExt;

    async fn ask(front_end: &str, search: &str) -> Value {
        let settings = [("FRONTEND_URL", front_end), ("CORS_ORIGINS", "https://b.example")];
        let mut product = ask_with(&settings, search).await;
        product.as_object_mut().unwrap().remove("offer");
        product
    }

    async fn ask_with(settings: &[(&str, &str)], search: &str) -> Value {
        let settings = settings.iter().copied().chain([("APP_URL", "https://accounts.example")]);
        let router = router(Config::from_env(&Env::from_pairs(settings)).unwrap(), Clock::system());
        let request = Request::get(format!("/account/product.json{search}")).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(
            (response.status(), &response.headers()["cache-control"]),
            (StatusCode::OK, &"no-store".parse().unwrap())
        );
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    #[tokio::test]
    async fn each_setting_that_leaves_something_out_is_in_the_offer() {
        let all = [("GOOGLE_CLIENT_ID", "g"), ("GITHUB_CLIENT_ID", "h")];
        let offer = |changed: &[&str]| {
            let names = ["billing", "sign_up", "invitations", "passwords", "google", "github"];
            names.into_iter().map(|name| (name.to_owned(), json!(!changed.contains(&name)))).collect::<Value>()
        };
        assert_eq!(ask_with(&all, "").await["offer"], offer(&[]));
        for (name, value, changed) in [
            ("BILLING", "off", &["billing"] as &[_]),
            ("SIGN_UP", "closed", &["sign_up", "invitations"]),
            ("SIGN_UP", "invite", &["sign_up"]),
            ("PASSWORD_SIGN_IN", "off", &["passwords"]),
            ("GOOGLE_CLIENT_ID", "unset", &["google"]),
            ("GITHUB_CLIENT_ID", "", &["github"]),
        ] {
            let settings: Vec<_> = all.into_iter().filter(|(own, _)| *own != name).chain([(name, value)]).collect();
            assert_eq!(ask_with(&settings, "").await["offer"], offer(changed), "{name}");
        }
    }

    #[tokio::test]
    async fn the_account_pages_are_not_a_front_end_of_their_own() {
        for own in ["", "https://accounts.example/account", "https://accounts.example/account/"] {
            assert_eq!(ask(own, "").await, json!({"front_end": null, "return_to": null}), "{own}");
        }
        let product = ask("https://app.example/start", "").await;
        assert_eq!(product, json!({"front_end": "https://app.example/start", "return_to": null}));
    }

    // S21
    #[tokio::test]
    async fn an_address_of_an_allowed_origin_is_returned_to_and_no_other() {
        let front_end = "https://app.example";
        let allowed =
            ["https://app.example/notes?page=2#end", "https://b.example/", "https://accounts.example/account/billing"];
        for address in allowed {
            let search = format!("?return_to={}", address.replace('?', "%3F").replace('#', "%23"));
            assert_eq!(ask(front_end, &search).await["return_to"], address);
        }
        for address in [
            "https://app.example.evil.example/",
            "https://app.example@evil.example/",
            "https://evil.example/https://app.example/",
            "http://app.example/",
            "https://app.example:8443/",
            "//app.example/",
            "/account",
            "app.example",
            "javascript:alert(1)//https://app.example/",
            "https://app.example%5C@evil.example/",
            "https://app.example/%20x",
            "https://app.example/%0d%0ax",
            "",
        ] {
            let answer = ask(front_end, &format!("?return_to={address}")).await;
            assert_eq!(answer, json!({"front_end": front_end, "return_to": null}), "{address}");
        }
        let twice = ask(front_end, "?return_to=https://app.example/&return_to=https://evil.example/").await;
        assert_eq!(twice["return_to"], Value::Null);
    }
}
