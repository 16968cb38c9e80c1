//! A bare function that makes the AWS calls of `stripe-webhook`, and ignores the results.

use lambda_http::{Body, Error, Request, Response, run, service_fn};
use serde::Deserialize;
use tollgate_platform::{Env, aws};

/// The variable `BARE_CALLS`.
#[derive(Deserialize)]
struct Calls {
    at_start: Vec<Secret>,
    for_each_event: Vec<Message>,
}

#[derive(Deserialize)]
struct Secret {
    secret: String,
}

#[derive(Deserialize)]
struct Message {
    queue: String,
    body: String,
    group: String,
    id: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let env = Env::process();
    let calls: Calls = serde_json::from_str(env.required("BARE_CALLS", "the calls")?)?;
    let sdk = aws::load(&env)?;
    let (secrets, queues) = (aws_sdk_secretsmanager::Client::new(&sdk), aws_sdk_sqs::Client::new(&sdk));
    for Secret { secret } in &calls.at_start {
        secrets.get_secret_value().secret_id(secret).send().await?;
    }
    let (queues, messages) = (&queues, &calls.for_each_event);
    run(service_fn(async |_: Request| {
        for message in messages {
            let call = queues.send_message().queue_url(&message.queue).message_body(&message.body);
            call.message_group_id(&message.group).message_deduplication_id(&message.id).send().await?;
        }
        Ok::<_, Error>(Response::new(Body::Empty))
    }))
    .await
}
