//! Pages, documents and metadata.

use super::{Operation, Read, open};

pub fn operations() -> Vec<Operation> {
    vec![
        open("GET /.well-known/jwks.json", 200).read(Read::of("/.well-known/jwks.json")),
        open("GET /.well-known/openid-configuration", 200),
        open("GET /.well-known/oauth-authorization-server", 200),
        open("GET /.well-known/change-password", 302),
        open("GET /healthz", 200),
        open("GET /", 303),
        open("GET /account", 200),
        open("GET /dashboard", 200),
        open("GET /admin", 303),
        open("GET /docs", 200),
        open("GET /openapi.json", 200),
    ]
}
