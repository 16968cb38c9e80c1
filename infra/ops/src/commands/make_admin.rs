//! `make-admin`: the first admin of a stack.

use crate::arguments::Write;
use crate::confirm::confirm;
use crate::make_admin::make_admin_as;
use crate::outcome::{Exit, Failure, Outcome};
use crate::target::Target;
use crate::{MadeAdmin, MakeAdminError};
use serde_json::json;
use tollgate_domain::Email;

pub async fn run(target: &Target, write: Write, email: &str) -> Result<Outcome, Failure> {
    confirm(target, write, &format!("Making {email} an admin"))?;
    let store = target.store();
    if write.dry_run {
        let Ok(address) = Email::parse(email) else {
            return Err(MakeAdminError::InvalidEmail(email.to_owned()).into());
        };
        let user = store.user_of_email(&address).await?.ok_or_else(|| MakeAdminError::Unknown(email.to_owned()))?;
        let text = format!("{email} ({user}) would be made an admin");
        return Ok(Outcome::done(text, json!({"dry_run": true, "user_id": user.to_string()})));
    }
    let made = make_admin_as(&store, email, &target.clock, Some(&target.operator)).await?;
    Ok(match made {
        MadeAdmin::Now(user) => {
            let result = json!({"user_id": user.to_string(), "was_admin": false});
            Outcome::done(format!("{email} ({user}) is an admin now"), result)
        }
        // A second run changes nothing.
        MadeAdmin::Before(user) => Outcome {
            exit: Exit::NothingToDo,
            text: format!("{email} ({user}) was an admin before"),
            result: json!({"user_id": user.to_string(), "was_admin": true}),
        },
    })
}
