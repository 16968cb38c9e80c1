//! The engine below the entities: reads, conditional writes, transactions and lists of items, and the tables themselves.

pub(crate) mod batch;
pub(crate) mod client;
pub(crate) mod codec;
mod creation;
pub(crate) mod listing;
pub mod schema;
pub(crate) mod statements;
pub(crate) mod transaction;
pub(crate) mod update;
