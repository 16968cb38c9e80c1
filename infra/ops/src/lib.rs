//! What an operator does to a deployment by hand.

mod rotate;

pub use rotate::{RotateError, rotate};
