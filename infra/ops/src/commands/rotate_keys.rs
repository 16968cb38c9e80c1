//! `rotate-keys`: a new generation of the secrets that keys are derived from.

use crate::arguments::{Keys, Write};
use crate::confirm::confirm;
use crate::outcome::{Failure, Outcome};
use crate::rotate::rotate;
use crate::target::Target;
use crate::trail::record;
use serde_json::json;

pub async fn run(target: &Target, write: Write, only: Option<Keys>) -> Result<Outcome, Failure> {
    let chosen = only.map_or_else(|| vec![Keys::Auth, Keys::Codes], |one| vec![one]);
    let names: Vec<_> = chosen.iter().map(|keys| target.name_of(keys.name())).collect();
    confirm(target, write, &format!("Rotating {}", names.join(" and ")))?;
    if write.dry_run {
        let text = format!("{} would be rotated", names.join(" and "));
        return Ok(Outcome::done(text, json!({"dry_run": true, "secrets": names})));
    }
    record(target, "rotate-keys", json!({"secrets": names})).await?;
    let (client, mut text, mut rotated) = (target.secrets(), Vec::new(), Vec::new());
    for (keys, id) in chosen.iter().zip(&names) {
        if let Err(error) = rotate(&client, id, &target.clock).await {
            let resume = format!("rotate it alone: rotate-keys --secret {}", keys.name());
            return Err(match rotated.is_empty() {
                true => error.into(),
                false => Failure::partly("secret", error, &resume),
            });
        }
        rotated.push(id.clone());
        text.push(match keys {
            Keys::Edge => format!("{id} has a new value: the old one is accepted until you remove it (docs/proxy.md)"),
            _ => format!("{id} is rotated: its new key signs in 15 minutes"),
        });
    }
    Ok(Outcome::done(text.join("\n"), json!({"rotated": rotated})))
}
