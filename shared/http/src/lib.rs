//! The shared part of all HTTP functions: the conventions of the contract.

mod accept;
mod body;
mod client_ip;
mod context;
mod conventions;
mod cookies;
mod describe;
mod error;
mod export;
mod guards;
mod header;
mod idempotency;
mod limits;
mod message;
pub mod openapi;
mod owned;
mod page;
mod routes;

pub use accept::{prefers_html, requested_languages};
pub use body::{Form, FormBody, Input, JsonBody, MAX_BODY_BYTES, OptionalJson, Patch, PatchBody, PathId, PathIds};
pub use client_ip::{ClientIpHeader, EdgeProxy};
pub use context::RequestContext;
pub use conventions::{CONTENT_SECURITY_POLICY, Conventions, method_not_allowed, misconfigured, not_found};
pub use cookies::{CookieJar, CookieName, CookieSettings};
pub use error::{ApiError, Exceeded, FieldError, Refused};
pub use export::Export;
pub use header::header_text;
pub use idempotency::{describe_idempotent, idempotent};
pub use limits::{
    AccountKey, BY_USER, ClientCount, EXPORTS, Limiter, Limits, count_posts, describe_limit_of_posts,
    describe_limit_of_redirects, describe_limit_of_users, limit_posts, limit_redirects, limit_users,
};
pub use message::{Message, message};
pub use owned::{OwnedPayment, OwnedSubscription, WithEmail, with_emails};
pub use page::{Cursor, Filters, NoFilters, Page, PageQuery, Parameters, filter, id_filter, sessions_page};
#[doc(hidden)]
pub use pastey;
pub use routes::{Description, RouterOf, Routes};
pub use tollgate_guard::{
    ActiveUser, ActiveUserWith, Admin, FreePlan, Guard, GuardError, OwnStore, PublishedKeys, RequireTier, TokenKeys,
};
