//! One file for each path: its requests, its answers, its handlers.

pub mod change;
pub mod payments;
pub mod plan;
pub mod plans;
pub mod portal;
pub mod renewal;
pub mod subscribe;
pub mod subscription;
