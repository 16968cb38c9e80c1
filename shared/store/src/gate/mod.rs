//! The gate's items: the only data that an authenticated request reads.

pub(crate) mod admins;
pub(crate) mod admission;
pub(crate) mod published;
pub(crate) mod services;

use crate::identity::profile::{Profile, ProfileOf};
use crate::roles::{ReadGate, ReadProfiles};
use crate::table::batch::{Items, Keys, Lookup, ReadableBy};
use crate::table::codec::{Item, item, read, s};
use crate::table::listing::Consistency;
use crate::table::schema::GATE;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use tollgate_domain::UserId;
use tollgate_domain::gate::Gate;

pub(crate) fn gate_key(user: &UserId) -> AttributeValue {
    s(format!("USER#{user}"))
}

pub(crate) fn gate_item(gate: &Gate) -> Result<Item, StoreError> {
    item(gate, [("pk", gate_key(&gate.user_id))])
}

/// The gate of a user.
#[derive(Debug, Clone, Copy)]
pub struct GateOf(pub UserId);

impl<R: ReadGate> ReadableBy<R> for GateOf {}

impl Lookup for GateOf {
    type Found = Option<Gate>;

    fn add_keys(&self, keys: &mut Keys) {
        keys.add(GATE, [("pk", gate_key(&self.0))]);
    }

    fn take(&self, items: &Items) -> Result<Option<Gate>, StoreError> {
        items.get(GATE, [("pk", gate_key(&self.0))]).cloned().map(|item| read(GATE, item)).transpose()
    }
}

impl<R: ReadGate> Store<R> {
    /// The gate of `user`, and the items of `own`, in one call. Where `admits` refuses the gate, or the gate is missing, the
    /// other items are ignored: `None`.
    ///
    /// # Errors
    /// When DynamoDB does not answer or leaves keys out again and again, or an item is corrupt.
    pub async fn look_up_behind_gate<L: ReadableBy<R>>(
        &self,
        user: UserId,
        own: &L,
        admits: impl FnOnce(&Gate) -> bool,
    ) -> Result<Option<(Gate, L::Found)>, StoreError> {
        let gate = GateOf(user);
        let mut keys = Keys::default();
        gate.add_keys(&mut keys);
        own.add_keys(&mut keys);
        let items = self.fetch(keys).await?;
        match gate.take(&items)?.filter(admits) {
            Some(gate) => Ok(Some((gate, own.take(&items)?))),
            None => Ok(None),
        }
    }

    /// The gate of `user` (a strongly consistent read, one unit); `None` for an unknown user.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn gate(&self, user: &UserId) -> Result<Option<Gate>, StoreError> {
        self.gate_read(user, Consistency::Strong).await
    }

    /// The same with this consistency: a list, which decides nothing, can use the cheaper read.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn gate_read(&self, user: &UserId, consistency: Consistency) -> Result<Option<Gate>, StoreError> {
        let is_strong = consistency == Consistency::Strong;
        let call = self.client.get_item().table_name(self.table(GATE)).key("pk", gate_key(user));
        let call = call.consistent_read(is_strong);
        let answer =
            call.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.map_err(StoreError::of)?;
        answer.item.map(|item| read(GATE, item)).transpose()
    }
}

impl<R: ReadGate + ReadProfiles> Store<R> {
    /// Profile and gate of a user; a user has both or neither.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn profile_and_gate(&self, user: &UserId) -> Result<Option<(Profile, Gate)>, StoreError> {
        let (profile, gate) = self.look_up(&(ProfileOf(*user), GateOf(*user))).await?;
        Ok(profile.zip(gate))
    }
}
