//! The commands, one file each.

pub mod dead_letters;
pub mod logs;
pub mod make_admin;
pub mod reconcile;
pub mod redrive;
pub mod report;
pub mod rotate_keys;
pub mod stripe_setup;
pub mod user;
