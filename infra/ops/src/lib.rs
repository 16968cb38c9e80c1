//! What an operator does to a deployment by hand.

mod local;
mod make_admin;
mod rotate;

pub use local::{LOCAL, UnreachableStack, local_store};
pub use make_admin::{MadeAdmin, MakeAdminError, make_admin};
pub use rotate::{RotateError, rotate};
