//! Sign-ins at an identity provider that are under way: one row for each OAuth state.

use crate::roles::UseSecrets;
use crate::table::codec::{item, n, read, s};
use crate::table::schema::SESSIONS;
use crate::table::update::write_id;
use crate::table::update::{Updated, conditional};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::user::IdentityProvider;
use tollgate_domain::{RequestId, SessionId, UserId};

/// A flow: one sign-in at a provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FlowRow {
    /// Its id; the state, the verifier and the nonce are derived from it.
    pub id: String,
    /// The provider.
    pub provider: IdentityProvider,
    /// A hash of the secret of the browser that began it.
    pub browser_hash: String,
    /// Where it returns to; `None`: the front end.
    #[serde(default)]
    pub return_to: Option<String>,
    /// The account to link the identity to; `None` for a sign-in.
    #[serde(default)]
    pub link: Option<LinkFor>,
    /// The session that the request which used it creates.
    #[serde(default)]
    pub session_id: Option<SessionId>,
    /// Its end.
    pub expires_at: Timestamp,
}

/// The request that uses a flow.
#[derive(Debug, Clone, Copy)]
pub struct UseOfFlow<'a> {
    /// The hashes of the secrets that its browser holds.
    pub browsers: &'a [String],
    /// The id of the session that it may create.
    pub session: &'a SessionId,
    /// The request.
    pub request: &'a RequestId,
}

/// The most operands of `IN`: more cookies of one name do not fit into the headers of a request.
const MAX_BROWSERS: usize = 100;

/// The result of using a flow.
#[derive(Debug, Clone)]
pub enum TakenFlow {
    /// It is used by this request.
    Now(FlowRow),
    /// Another request of the same browser has used it.
    Before(FlowRow),
    /// It is not a flow of this browser and provider, or too old.
    Refused,
}

/// The account and session that began a flow to link an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkFor {
    /// The account.
    pub user_id: UserId,
    /// The session, which must still be live at the end.
    pub session_id: SessionId,
}

fn flow_key(id: &str) -> [(&'static str, AttributeValue); 2] {
    [("pk", s(format!("FLOW#{id}"))), ("sk", s("FLOW"))]
}

impl<R: UseSecrets> Store<R> {
    /// Stores the row of a new flow.
    ///
    /// # Errors
    /// When DynamoDB does not take it.
    pub async fn put_flow(&self, flow: &FlowRow) -> Result<(), StoreError> {
        let [pk, sk] = flow_key(&flow.id);
        let times = [("ends_ms", n(flow.expires_at.as_millisecond())), ("ttl", n(flow.expires_at.as_second() + 60))];
        let item = item(flow, [pk, sk, times[0].clone(), times[1].clone()])?;
        let call = self.client.put_item().table_name(self.table(SESSIONS)).set_item(Some(item));
        call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
        Ok(())
    }

    /// Uses a flow: once, by this request, in the browser that began it.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn take_flow(
        &self,
        id: &str,
        provider: IdentityProvider,
        by: &UseOfFlow<'_>,
        now: Timestamp,
    ) -> Result<TakenFlow, StoreError> {
        let [(pk, flow), (sk, kind)] = flow_key(id);
        let names: Vec<_> = (0..by.browsers.len().min(MAX_BROWSERS)).map(|n| format!(":browser{n}")).collect();
        let mut call = self
            .client
            .update_item()
            .table_name(self.table(SESSIONS))
            .key(pk, flow)
            .key(sk, kind)
            .update_expression("SET used_by = :by, session_id = :session")
            .condition_expression(format!(
                "provider = :provider AND browser_hash IN ({}) AND ends_ms > :now \
                 AND (attribute_not_exists(used_by) OR used_by = :by)",
                names.join(", ")
            ))
            .expression_attribute_values(":by", s(write_id(by.request)))
            .expression_attribute_values(":session", s(by.session.to_string()))
            .expression_attribute_values(":provider", s(provider.as_str()))
            .expression_attribute_values(":now", n(now.as_millisecond()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, browser) in names.into_iter().zip(by.browsers) {
            call = call.expression_attribute_values(name, s(browser));
        }
        let refused = match conditional(call).await? {
            Updated::Done(flow) => return read(SESSIONS, flow).map(TakenFlow::Now),
            Updated::Refused(flow) if flow.is_empty() => return Ok(TakenFlow::Refused),
            Updated::Refused(flow) => read::<FlowRow>(SESSIONS, flow)?,
        };
        let is_own = refused.provider == provider && by.browsers.contains(&refused.browser_hash);
        let is_used = refused.session_id.is_some() && now < refused.expires_at;
        Ok(if is_own && is_used { TakenFlow::Before(refused) } else { TakenFlow::Refused })
    }
}
