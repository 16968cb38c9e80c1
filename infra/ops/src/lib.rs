//! What an operator does to a deployment by hand.

mod arguments;
mod aws;
mod command_line;
mod commands;
mod confirm;
mod doctor;
mod local;
mod make_admin;
mod outcome;
mod progress;
mod redrive;
mod rotate;
mod target;
mod trail;

pub use command_line::main;
pub use local::{LOCAL, LocalStack, UnreachableStack, local_stack, local_store};
pub use make_admin::{MadeAdmin, MakeAdminError, make_admin};
pub use redrive::{DEAD_LETTERS, Progress, RedriveError, redrive};
pub use rotate::{RotateError, rotate};
pub use trail::record_command;
