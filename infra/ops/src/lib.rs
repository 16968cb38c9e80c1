//! What an operator does to a deployment by hand.

mod local;
mod make_admin;
mod redrive;
mod rotate;

pub use local::{LOCAL, LocalStack, UnreachableStack, local_stack, local_store};
pub use make_admin::{MadeAdmin, MakeAdminError, make_admin};
pub use redrive::{DEAD_LETTERS, Progress, RedriveError, redrive};
pub use rotate::{RotateError, rotate};
