//! The pages and their files: headers, compression, cache, languages.

use super::*;
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use std::collections::BTreeSet;
use std::io::Read;
use tollgate_platform::Env;
use tower::ServiceExt;

async fn ask(method: &str, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
    ask_with("on", method, path, headers).await
}

async fn ask_with(
    billing: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let settings = [("APP_URL", "https://app.example"), ("BILLING", billing)];
    let config = Config::from_env(&Env::from_pairs(settings)).unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let router = router(config, Clock::system());
    let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
}

#[tokio::test]
async fn every_file_is_served_plain_and_packed_with_its_type_and_tag() {
    for asset in ASSETS.iter().filter(|asset| asset.path != WITHOUT_BILLING) {
        let path = format!("/{}", asset.path);
        let (status, headers, plain) = ask("GET", &path, &[]).await;
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (StatusCode::OK, asset.content_type), "{path}");
        let (_, packed_headers, packed) = ask("GET", &path, &[("accept-encoding", "br, gzip")]).await;
        assert_eq!(packed_headers["content-encoding"], "gzip");
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
        assert!(plain == unpacked && plain == asset.plain, "{path}");
        assert_ne!(headers["etag"], packed_headers["etag"]);
        let (status, _, body) = ask("GET", &path, &[("if-none-match", headers["etag"].to_str().unwrap())]).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
    }
}

#[tokio::test]
async fn without_billing_its_paths_are_refused_and_not_documented() {
    let paths = |body: &[u8]| {
        let document: serde_json::Value = serde_json::from_slice(body).unwrap();
        document["paths"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let (_, _, all) = ask("GET", "/openapi.json", &[]).await;
    let (status, _, own) = ask_with("off", "GET", "/openapi.json", &[]).await;
    let (all, own) = (paths(&all), paths(&own));
    let others: Vec<_> = all.iter().filter(|path| !path.starts_with("/billing/")).cloned().collect();
    assert_eq!((status, &own), (StatusCode::OK, &others));
    assert!(own.len() < all.len());
    for path in all.iter().filter(|path| path.starts_with("/billing/")) {
        for method in ["GET", "POST", "PATCH", "DELETE"] {
            let (status, _, body) = ask_with("off", method, path, &[("accept", "text/html")]).await;
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &"not_enabled".into()), "{method} {path}");
        }
    }
}

/// The addresses that the page or script at `address` loads.
fn loads(address: &str, text: &str) -> Vec<String> {
    let address = address.split('?').next().unwrap_or_default();
    let folder = address.rsplit_once('/').map_or("", |(folder, _)| folder);
    let resolved = |part: &str| match (part.strip_prefix("./"), part.strip_prefix("../")) {
        (Some(rest), _) => Some(format!("{folder}/{rest}")),
        (_, Some(rest)) => folder.rsplit_once('/').map(|(above, _)| format!("{above}/{rest}")),
        _ => part.starts_with('/').then(|| part.to_owned()),
    };
    let is_file = |part: &String| ASSETS.iter().any(|asset| part[1..].split('?').next() == Some(asset.path));
    // A file is loaded once, however often it is named.
    let mut named = BTreeSet::new();
    text.split(['"', '\'']).filter_map(resolved).filter(is_file).filter(|file| named.insert(file.clone())).collect()
}

// D4, E11
#[tokio::test]
async fn a_first_visit_loads_few_files_and_a_second_page_only_itself() {
    for (page, most) in [("/account", 6), ("/dashboard", 5), ("/docs", 8)] {
        let (_, headers, html) = ask("GET", page, &[]).await;
        assert_eq!(headers["cache-control"], "no-cache");
        let mut files = loads(page, std::str::from_utf8(&html).unwrap());
        let mut at = 0;
        while let Some(file) = files.get(at).cloned() {
            let (status, headers, text) = ask("GET", &file, &[]).await;
            assert_eq!(status, StatusCode::OK, "{file}");
            if file.contains(".js") {
                let imported = std::str::from_utf8(&text).unwrap().lines().filter(|line| line.contains("import"));
                let imported: Vec<_> = imported.flat_map(|line| loads(&file, line)).collect();
                let new = imported.into_iter().filter(|imported| !files.contains(imported));
                files.extend(new.collect::<Vec<_>>());
            }
            let is_versioned = file.contains("?v=");
            let caching = if is_versioned { "public, max-age=31536000, immutable" } else { "no-cache" };
            assert_eq!(headers["cache-control"], caching, "{file}");
            assert!(is_versioned || page == "/docs", "{file}");
            // A file with another version, as a page of an older deployment names it, is not cached.
            let (_, headers, _) = ask("GET", &format!("{}?v=0", file.split('?').next().unwrap()), &[]).await;
            assert_eq!(headers["cache-control"], "no-cache", "{file}");
            at += 1;
        }
        assert!(files.len() >= 3 && files.len() < most, "{page}: {files:?}");
    }
}

#[tokio::test]
async fn a_page_of_the_account_is_in_the_language_that_is_asked_for() {
    for language in LANGUAGES {
        for path in ["/account", "/account/sign-in", "/nowhere"] {
            let asked = [("accept", "text/html"), ("accept-language", language)];
            let (_, headers, page) = ask("GET", path, &asked).await;
            let page = String::from_utf8(page).unwrap();
            assert!(page.contains(&format!("<html lang=\"{language}\"")), "{path} {language}");
            assert!(!page.contains("{{"), "{path} {language}: {page}");
            assert!(headers["vary"].to_str().unwrap().contains("accept-language, cookie"), "{path} {language}");
            // It loads the script of its language, and no other one.
            let scripts: Vec<_> = loads(path, &page).into_iter().filter(|file| file.contains(".js")).collect();
            let is_own = |file: &String| file.starts_with(&format!("/account/bundle.{language}.js?v="));
            assert!(scripts.iter().all(is_own) && scripts.len() == usize::from(path != "/nowhere"), "{scripts:?}");
            let (_, headers, chosen) = ask("GET", path, &[asked[0], ("cookie", &format!("language={language}"))]).await;
            assert!(chosen == page.as_bytes() && headers["vary"] != "accept-encoding, origin", "{path} {language}");
        }
    }
    // The dashboard and the documentation are English.
    for path in ["/dashboard", "/docs"] {
        let (_, headers, page) = ask("GET", path, &[("accept-language", "de")]).await;
        assert!(
            String::from_utf8(page).unwrap().contains("<html lang=\"en\"")
                && headers["vary"] == "accept-encoding, origin"
        );
    }
}

#[test]
fn each_error_of_the_account_pages_has_a_text_of_its_own() {
    let document = ASSETS.iter().find(|asset| asset.path == "openapi.json").unwrap();
    let document: serde_json::Value = serde_json::from_slice(document.plain).unwrap();
    let texts = ["account/problems.js", "account/account-problems.js"].map(|path| {
        let (_, script) = views().find(|(found, _)| *found == path).unwrap();
        script
    });
    let has_text = |code: &str| texts.iter().any(|script| script.contains(&format!("\n  {code}: \"")));
    // The paths that the pages call: "/me", and "/sessions/" for "/sessions/{id}".
    let calls = |path: &str| {
        let path = path.split('{').next().unwrap();
        views().any(|(_, text)| [format!("\"{path}"), format!("`{path}")].iter().any(|start| text.contains(start)))
    };
    // The pages send what is well-formed.
    let of_programs = [
        "invalid_json",
        "unsupported_media_type",
        "body_too_large",
        "invalid_filter",
        "invalid_cursor",
        "method_not_allowed",
    ];
    let handled = ["rate_limited", "invalid_proration_date", "idempotency_key_reused"];
    let mut count = 0;
    let paths = document["paths"].as_object().unwrap();
    for (path, operations) in paths.iter().filter(|(path, _)| !path.starts_with("/admin") && calls(path)) {
        for (method, operation) in operations.as_object().unwrap() {
            // Only admins change plans.
            if path == "/billing/plans" && method == "post" {
                continue;
            }
            let responses = operation["responses"].as_object().unwrap();
            for (_, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
                let codes = response["description"].as_str().unwrap().split('`').skip(1).step_by(2);
                for code in codes.filter(|code| !of_programs.contains(code) && !handled.contains(code)) {
                    assert!(has_text(code), "{method} {path}: {code} has no text in account-problems.js");
                    count += 1;
                }
            }
        }
    }
    assert!(count > 60, "{count}");
}

/// What a person reads stands in `languages/`: a script of the account has no text of its own.
#[test]
fn scripts_of_the_account_have_no_text_of_their_own() {
    let web = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    // Names of products and systems are the same in each language. tollgate.js is the client of other front ends: its
    // two texts are shown by their codes.
    let names = ["Google", "GitHub", "Edge", "Opera", "Firefox", "Chrome", "Safari", "Windows", "Android", "Linux"];
    let others = ["ChromeOS", "DuckDuckGo", "Vivaldi", "Samsung Internet", "Yandex Browser", "Chrome (headless)"];
    let in_code = ["Mozilla"];
    let mut count = 0;
    for (path, _) in views().filter(|(path, _)| *path != "account/tollgate.js" && *path != "account/brand.js") {
        let text = std::fs::read_to_string(web.join(path)).unwrap();
        for line in text.lines().filter(|line| !is_comment(line)) {
            let line = line.split(" // ").next().unwrap();
            for literal in literals(line).into_iter().filter(|literal| is_prose(literal)) {
                let is_name = names.iter().chain(&others).chain(&in_code).any(|name| *name == literal);
                assert!(is_name, "{path}: \"{literal}\" belongs into languages/*/pages.json");
            }
            count += line.matches("t.").count();
        }
    }
    assert!(count > 200, "{count}");
    for page in ["index.html", "not-found.html"] {
        let text = std::fs::read_to_string(web.join("account").join(page)).unwrap();
        let shown = text.split('>').filter_map(|part| Some(part.split_once('<')?.0.trim()));
        let own = shown.map(|part| part.replace("{{brand.name}}", "")).find(|part| {
            part.split("{{").any(|part| part.split("}}").last().unwrap().chars().any(char::is_alphabetic))
        });
        assert_eq!(own, None, "{page}");
    }
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("//") || line.starts_with("/*") || line.starts_with('*')
}

/// What stands between quotes, and between the values of a template.
fn literals(line: &str) -> Vec<String> {
    let mut found: Vec<String> = line.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    for template in line.split('`').skip(1).step_by(2) {
        found.extend(template.split("${").map(|part| part.split_once('}').map_or(part, |(_, rest)| rest).to_owned()));
    }
    found
}

/// Words with a capital letter or a space between them, unlike names of elements, classes, fields and paths.
fn is_prose(literal: &str) -> bool {
    let is_code = |c: char| "/[]=#.<>;:&?{}()$*+".contains(c);
    let words: Vec<_> = literal.split_whitespace().collect();
    let starts_high = literal.starts_with(char::is_uppercase) && literal.chars().any(char::is_lowercase);
    let is_sentence = words.len() > 1 && literal.ends_with(['.', '?', '!']);
    let is_method = ["GET", "POST", "PATCH", "DELETE"].contains(&literal);
    // Names of classes are in lower case, several in one attribute.
    let classes = [
        "badge good",
        "badge bad",
        "badge accent",
        "panel current-plan",
        "row danger-zone",
        "button danger",
        "scroll payments",
    ];
    let has_words =
        words.len() > 1 && words.iter().all(|word| word.chars().all(|c| c.is_alphabetic() || "'’,-".contains(c)));
    !is_method
        && !classes.contains(&literal)
        && (is_sentence || (!literal.contains(is_code) && (starts_high || has_words)))
}

/// A first visit to the account pages loads at most 45 KiB, one to the dashboard at most 60 KiB, compressed.
#[tokio::test]
async fn the_pages_are_small() {
    let accounts = LANGUAGES.iter().map(|language| ("/account", *language, format!("/index.{language}.html"), 45));
    let dashboard = ("/dashboard", FIRST, "/index.html".to_owned(), 60);
    for (page, language, file, most) in accounts.chain([dashboard]) {
        let (_, _, html) = ask("GET", page, &[("accept-language", language)]).await;
        let files = loads(page, std::str::from_utf8(&html).unwrap());
        let packed = |path: &str| {
            let path = path[1..].split('?').next().unwrap();
            ASSETS.iter().find(|asset| asset.path == path).unwrap().gzip.len()
        };
        let total = packed(&format!("{page}{file}")) + files.iter().map(|file| packed(file)).sum::<usize>();
        assert!(total <= most * 1024, "{page} in {language}: {total} bytes");
    }
}

// D4
#[test]
fn the_script_of_the_account_contains_each_module_once() {
    let script = |path: &str| {
        let asset = ASSETS.iter().find(|asset| asset.path == path).unwrap();
        std::str::from_utf8(asset.plain).unwrap()
    };
    let bundle = script("account/bundle.en.js");
    for (path, text) in views() {
        let is_comment = |line: &&str| line.starts_with('/') || line.starts_with("* ");
        let code = text.lines().map(str::trim_start).filter(|line| !is_comment(line));
        let code = code.filter(|line| !line.starts_with("import ") && line.len() > 40);
        for line in code.map(|line| line.strip_prefix("export ").unwrap_or(line)) {
            let of_all: usize = views().map(|(_, text)| text.matches(line).count()).sum();
            assert_eq!(bundle.matches(line).count(), of_all, "{path}: {line}");
        }
    }
    assert!(!bundle.lines().any(|line| line.starts_with("import ") || line.starts_with("export ")));
}

#[tokio::test]
async fn gzip_that_is_refused_is_not_sent() {
    let (_, headers, _) = ask("GET", "/account", &[("accept-encoding", "gzip;q=0, identity")]).await;
    assert!(!headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn every_view_of_the_account_has_an_address_and_nothing_else_is_found() {
    for path in ["/account", "/account/sessions"] {
        let (status, headers, _) = ask("GET", path, &[]).await;
        assert_eq!(
            (status, &headers["content-security-policy"]),
            (StatusCode::OK, &tollgate_http::CONTENT_SECURITY_POLICY.parse().unwrap())
        );
    }
    for path in [
        "/nothing",
        "/account/none.js",
        "/account/%ff",
        "/account/../Cargo.toml",
        "/account/%2e%2e/%2e%2e/Cargo.toml",
        "//account",
        "/account/nonsense",
        "/account/sessions/",
    ] {
        let (status, headers, _) = ask("GET", path, &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(headers["content-type"], "application/problem+json");
        let (status, headers, page) = ask("GET", path, &[("accept", "text/html")]).await;
        assert_eq!(
            (status, &headers["content-type"]),
            (StatusCode::NOT_FOUND, &"text/html; charset=utf-8".parse().unwrap())
        );
        assert!(String::from_utf8(page).unwrap().contains("Page not found"), "{path}");
        let (status, headers, _) = ask("POST", path, &[("accept", "text/html")]).await;
        assert!(status.is_client_error() && headers["content-type"] == "application/problem+json", "{path}");
    }
    let (status, headers, _) = ask("GET", "/", &[]).await;
    assert_eq!((status, &headers["location"]), (StatusCode::SEE_OTHER, &HeaderValue::from_static("/account")));
}

#[tokio::test]
async fn a_front_end_on_an_allowed_origin_loads_the_client() {
    for (origin, allowed) in [("https://app.example", true), ("https://evil.example", false)] {
        let (status, headers, _) = ask("GET", "/account/tollgate.js", &[("origin", origin)]).await;
        assert_eq!(
            (status, &headers["content-type"]),
            (StatusCode::OK, &"text/javascript; charset=utf-8".parse().unwrap())
        );
        assert_eq!(headers.contains_key("access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(headers["vary"], "accept-encoding, origin");
    }
}

#[tokio::test]
async fn another_method_is_refused_and_head_is_get_without_the_body() {
    let (status, headers, _) = ask("POST", "/account", &[]).await;
    assert_eq!((status, &headers["allow"]), (StatusCode::METHOD_NOT_ALLOWED, &HeaderValue::from_static("GET,HEAD")));
    let (status, _, body) = ask("HEAD", "/account", &[]).await;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
}

#[test]
fn pages_have_no_inline_script_or_style_and_scripts_never_write_html() {
    // A bundle is built from the modules; the brand's links belong to the operator.
    let is_written = |path: &str| !path.contains("/bundle.") && path != "account/brand.js";
    for asset in ASSETS.iter().filter(|asset| is_written(asset.path)) {
        let text = std::str::from_utf8(asset.plain).unwrap();
        let forbidden: &[&str] = match asset.content_type {
            "text/html; charset=utf-8" => {
                &["<style", " style=", " onclick", " onload", "javascript:", "<script>", "//"]
            }
            "text/javascript; charset=utf-8" => {
                &["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "new Function", "http://", "https://"]
            }
            _ => &["@import", "url("],
        };
        // A link to Stripe's dashboard is opened by a person.
        let text = text.replace("https://dashboard.stripe.com/", "");
        for word in forbidden {
            assert!(
                !text.to_lowercase().contains(&word.to_lowercase()) || (*word == "//" && !text.contains("://")),
                "{}: {word}",
                asset.path
            );
        }
    }
}

#[test]
fn only_one_module_uses_browser_storage() {
    let modules = ASSETS.iter().filter(|asset| asset.path.ends_with(".js") && !asset.path.contains("/bundle."));
    for asset in modules.filter(|asset| asset.path != "account/storage.js") {
        let text = std::str::from_utf8(asset.plain).unwrap();
        assert!(!text.contains("localStorage") && !text.contains("sessionStorage"), "{}", asset.path);
    }
}

#[test]
fn the_dashboard_shows_the_views_that_have_an_address() {
    let main = ASSETS.iter().find(|asset| asset.path == "dashboard/main.js").unwrap();
    let main = std::str::from_utf8(main.plain).unwrap();
    let routes = main.split("[\"/dashboard/").skip(1).map(|rest| rest.split('"').next().unwrap());
    let shown: BTreeSet<_> = routes.map(|route| route.replace(":id", "*")).collect();
    assert_eq!(shown, DASHBOARD_VIEWS.map(str::to_owned).into());
}

#[tokio::test]
async fn every_view_of_the_dashboard_has_an_address_and_nothing_else_is_found() {
    for path in ["/dashboard", "/dashboard/users", "/dashboard/users/usr_1", "/dashboard/reports/rep_1"] {
        let (status, headers, _) = ask("GET", path, &[]).await;
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (StatusCode::OK, "text/html; charset=utf-8"));
    }
    for path in ["/dashboard/nothing", "/dashboard/users/", "/dashboard/users/a/b", "/dashboard/plans/x"] {
        let (status, _, _) = ask("GET", path, &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    let (status, headers, _) = ask("GET", "/admin", &[]).await;
    assert_eq!((status, &headers["location"]), (StatusCode::SEE_OTHER, &HeaderValue::from_static("/dashboard")));
}

// E14
#[test]
fn the_views_that_have_an_address_are_those_that_the_page_shows() {
    let (_, main) = views().find(|(path, _)| *path == "account/main.js").unwrap();
    let shown: BTreeSet<_> = main.split("\"/account/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(shown, VIEWS.into_iter().collect());
}

fn views() -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_module = |path: &str| path.starts_with("account/") && path.ends_with(".js") && !path.contains("/bundle.");
    let scripts = ASSETS.iter().filter(move |asset| is_module(asset.path));
    scripts.map(|asset| (asset.path, std::str::from_utf8(asset.plain).unwrap()))
}

// B16
#[test]
fn every_code_field_is_the_one_that_takes_a_pasted_code() {
    let mut count = 0;
    for (path, text) in views() {
        assert!(!text.contains("maxlength"), "{path}: it would cut a pasted code");
        let is_helper = path == "account/forms.js";
        assert_eq!(text.contains("one-time-code"), is_helper, "{path}: a code field comes from forms.js");
        if text.contains("codeField(") && !is_helper {
            count += 1;
            assert!(text.contains("codeOf("), "{path}: a code is read by codeOf");
        }
    }
    assert_eq!(count, 3, "the views with a code");
    let (_, helper) = views().find(|(path, _)| *path == "account/forms.js").unwrap();
    for part in ["inputmode: \"numeric\"", "autocomplete: \"one-time-code\"", "normalize(\"NFKC\")"] {
        assert!(helper.contains(part), "{part}");
    }
}

// B17
#[test]
fn every_form_with_a_password_names_the_account_for_password_managers() {
    let mut count = 0;
    for (path, text) in views().filter(|(path, text)| path.contains("/views/") && text.contains("passwordField(")) {
        count += 1;
        let names_account = text.contains("autocomplete: \"username\"") || text.contains("accountField(");
        assert!(names_account, "{path}: no field holds the address");
        assert!(!text.contains("field(\"User name\", \"username\", { autocomplete: \"username\""), "{path}");
    }
    assert_eq!(count, 5, "the views with a password: register, invitation, sign-in, confirm, password");
}
