//! The whole system on one machine: the functions in process behind a gateway, DynamoDB by an embedded engine, small
//! stand-ins for the other AWS calls, and a desk to look at it all. The functions know nothing of it: they see endpoints
//! in their environment. None of it is compiled into a deployed function.

pub mod clock;
mod desk;
mod drawer;
pub mod faults;
mod gateway;
mod pump;
mod queues;
mod stack;
mod standins;

pub use gateway::AUTH_PATHS;
pub use stack::{Data, Options, SETTINGS, Stack, StartError, TABLE_PREFIX};
