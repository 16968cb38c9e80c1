//! A bare function that makes the AWS calls of `auth`, one after the other, and ignores the results.

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};
use lambda_http::{Body, Error, Request, Response, run, service_fn};
use serde::Deserialize;
use std::collections::HashMap;
use tollgate_platform::{Env, aws};

/// The variable `BARE_CALLS`.
#[derive(Deserialize)]
struct Calls {
    at_start: Vec<Call>,
    for_each_event: Vec<Call>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Call {
    Secret {
        secret: String,
    },
    Update {
        table: String,
        key: String,
        update: String,
        condition: String,
        values: HashMap<String, Value>,
    },
    Item {
        table: String,
        key: String,
    },
    /// The keys for each table.
    Batch {
        batch: HashMap<String, Vec<String>>,
    },
}

/// A value as DynamoDB writes it.
#[derive(Deserialize)]
enum Value {
    S(String),
    N(String),
}

impl Value {
    fn attribute(&self) -> AttributeValue {
        match self {
            Self::S(text) => AttributeValue::S(text.clone()),
            Self::N(number) => AttributeValue::N(number.clone()),
        }
    }
}

struct Clients {
    tables: aws_sdk_dynamodb::Client,
    secrets: aws_sdk_secretsmanager::Client,
}

impl Clients {
    /// The size of the results.
    async fn make(&self, call: &Call) -> Result<usize, Error> {
        Ok(match call {
            Call::Secret { secret } => {
                let answer = self.secrets.get_secret_value().secret_id(secret).send().await?;
                answer.secret_string.map_or(0, |text| text.len())
            }
            Call::Update { table, key, update, condition, values } => {
                let values = values.iter().map(|(name, value)| (name.clone(), value.attribute())).collect();
                let call = self.tables.update_item().table_name(table).key("pk", AttributeValue::S(key.clone()));
                let call = call.update_expression(update).condition_expression(condition);
                let call = call.set_expression_attribute_values(Some(values));
                call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await?;
                0
            }
            Call::Item { table, key } => {
                let call = self.tables.get_item().table_name(table).key("pk", AttributeValue::S(key.clone()));
                let call = call.consistent_read(true).return_consumed_capacity(ReturnConsumedCapacity::Total);
                call.send().await?.item.map_or(0, |item| item.len())
            }
            Call::Batch { batch } => {
                let mut call = self.tables.batch_get_item().return_consumed_capacity(ReturnConsumedCapacity::Total);
                for (table, keys) in batch {
                    let key = |key: &String| HashMap::from([("pk".to_owned(), AttributeValue::S(key.clone()))]);
                    let keys = keys.iter().map(key).collect();
                    let wanted = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(keys)).build()?;
                    call = call.request_items(table, wanted);
                }
                call.send().await?.responses.map_or(0, |tables| tables.len())
            }
        })
    }

    async fn make_all(&self, calls: &[Call]) -> Result<usize, Error> {
        let mut count = 0;
        for call in calls {
            count += self.make(call).await?;
        }
        Ok(count)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let env = Env::process();
    let calls: Calls = serde_json::from_str(env.required("BARE_CALLS", "the calls")?)?;
    let sdk = aws::load(&env)?;
    let clients =
        Clients { tables: aws_sdk_dynamodb::Client::new(&sdk), secrets: aws_sdk_secretsmanager::Client::new(&sdk) };
    clients.make_all(&calls.at_start).await?;
    let (clients, calls) = (&clients, &calls);
    run(service_fn(async |_: Request| {
        let count = clients.make_all(&calls.for_each_event).await?;
        Ok::<_, Error>(Response::new(Body::from(count.to_string())))
    }))
    .await
}
