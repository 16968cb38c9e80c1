//! An answer to a request, and the session that it may start.

use super::*;

/// An answer that was read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Answer {
    /// An answer of a function that was not called over HTTP.
    pub fn new(status: u16, body: Value) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        Self { status, headers: HeaderMap::new(), text: body.to_string(), body }
    }

    pub async fn read(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        Self { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text }
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["request_id"].as_str(), self.headers["x-request-id"].to_str().ok());
        self
    }

    /// The value of a cookie in the answer.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookie_line(name).map(|line| line.split(';').next().unwrap().split_once('=').unwrap().1.to_owned())
    }

    /// The whole `set-cookie` of a cookie.
    pub fn cookie_line(&self, name: &str) -> Option<String> {
        let lines = self.headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap().to_owned());
        lines.into_iter().find(|line| line.starts_with(&format!("{name}=")))
    }
}

/// A signed-in user.
#[derive(Debug, Clone)]
pub struct Session {
    pub access: String,
    pub refresh: String,
    pub user: Value,
}

impl Session {
    pub fn of(answer: &Answer) -> Self {
        Self {
            access: answer.body["access_token"].as_str().unwrap().to_owned(),
            refresh: answer.cookie("refresh_token").unwrap_or_default(),
            user: answer.body["user"].clone(),
        }
    }

    /// The header with its access token.
    pub fn header(&self) -> Value {
        self.part(0)
    }

    /// The claims of its access token.
    pub fn claims(&self) -> Value {
        self.part(1)
    }

    fn part(&self, index: usize) -> Value {
        let part = self.access.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }
}
