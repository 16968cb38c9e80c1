//! Writes of single items in one call (`BatchExecuteStatement`). Each succeeds or fails alone and costs what a call of its
//! own costs, where a transaction costs double. Statements are PartiQL; all values are parameters.

use crate::StoreError;
use crate::table::client::Tables;
use crate::table::codec::Item;
use aws_sdk_dynamodb::types::{
    AttributeValue, BatchStatementErrorCodeEnum, BatchStatementRequest, BatchStatementResponse, ReturnConsumedCapacity,
};

/// How often statements that DynamoDB did not execute are sent, in addition to the SDK's own retries.
const TRIES: u32 = 5;

/// A write of one item.
pub(crate) struct Statement {
    text: String,
    parameters: Vec<AttributeValue>,
}

/// The result of a statement.
#[derive(Debug)]
pub(crate) enum Executed {
    /// It is done: the attributes that it returns.
    Done(Item),
    /// Its condition failed.
    Refused,
}

impl Statement {
    /// A statement that writes `table`: `text` continues with what follows the table's name.
    pub fn new((verb, table): (&str, &str), text: &str, parameters: impl IntoIterator<Item = AttributeValue>) -> Self {
        Self { text: format!("{verb} \"{table}\" {text}"), parameters: parameters.into_iter().collect() }
    }

    fn request(&self) -> Result<BatchStatementRequest, StoreError> {
        BatchStatementRequest::builder()
            .statement(&self.text)
            .set_parameters(Some(self.parameters.clone()))
            .build()
            .map_err(|error| StoreError::Unexpected(error.to_string()))
    }
}

/// What DynamoDB answered to a statement; `None` if it may execute it later.
fn outcome(answer: BatchStatementResponse) -> Result<Option<Executed>, StoreError> {
    use BatchStatementErrorCodeEnum as Code;
    let Some(error) = answer.error else { return Ok(Some(Executed::Done(answer.item.unwrap_or_default()))) };
    let text =
        format!("{}: {}", error.code.as_ref().map_or("no code", Code::as_str), error.message.unwrap_or_default());
    match error.code {
        Some(Code::ConditionalCheckFailed) => Ok(Some(Executed::Refused)),
        // Ids are new: the item is that of an earlier try, whose answer was lost.
        Some(Code::DuplicateItem) => Ok(Some(Executed::Done(Item::new()))),
        Some(
            Code::InternalServerError
            | Code::ProvisionedThroughputExceeded
            | Code::RequestLimitExceeded
            | Code::ThrottlingError
            | Code::TransactionConflict,
        ) => Ok(None),
        Some(Code::ValidationError) => Err(StoreError::Unexpected(text)),
        _ => Err(StoreError::Unavailable(text)),
    }
}

impl Tables {
    /// Inserts an item whose key is new.
    pub(crate) fn insert(&self, table: &str, item: Item) -> Statement {
        // The key first, where a reader looks for it.
        let mut attributes: Vec<_> = item.into_iter().collect();
        attributes.sort_by_key(|(name, _)| (name != "pk", name != "sk", name.clone()));
        let (names, values): (Vec<_>, Vec<_>) =
            attributes.into_iter().map(|(name, value)| (format!("'{name}': ?"), value)).unzip();
        Statement::new(("INSERT INTO", &self.table(table)), &format!("VALUE {{{}}}", names.join(", ")), values)
    }

    /// Executes `statements` in one call, in no particular order. Those that DynamoDB did not execute are sent again.
    pub(crate) async fn execute<const N: usize>(
        &self,
        statements: [Statement; N],
    ) -> Result<[Executed; N], StoreError> {
        let mut executed = [const { None }; N];
        for tries in 1..=TRIES {
            let left: Vec<usize> = (0..N).filter(|index| executed[*index].is_none()).collect();
            let requests = left.iter().map(|index| statements[*index].request()).collect::<Result<Vec<_>, _>>()?;
            let call = self.client.batch_execute_statement().set_statements(Some(requests));
            let answer = call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await;
            let answers = answer.map_err(StoreError::of)?.responses.unwrap_or_default();
            if answers.len() != left.len() {
                return Err(StoreError::Unexpected("an answer does not fit its statements".into()));
            }
            for (index, answer) in left.into_iter().zip(answers) {
                executed[index] = outcome(answer)?;
            }
            if executed.iter().all(Option::is_some) {
                break;
            }
            if tries < TRIES {
                self.pause(tries).await;
            }
        }
        let missing = || StoreError::Unavailable("a statement was not executed".into());
        let all = executed.into_iter().map(|one| one.ok_or_else(missing)).collect::<Result<Vec<_>, _>>()?;
        all.try_into().map_err(|_| missing())
    }
}
