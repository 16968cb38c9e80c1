//! The stack that a command works on: its account, region and stage, and clients for its parts.

use crate::arguments::Stack;
use crate::aws::{Aws, AwsError, CLOUDFORMATION, LAMBDA, STS, elements, timeouts};
use crate::local::{LocalStack, local_stack};
use crate::outcome::Failure;
use aws_config::{BehaviorVersion, SdkConfig};
use jiff::SignedDuration;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tollgate_platform::{Clock, Env, Outbound};
use tollgate_store::Store;
use tollgate_stripe::Gateway;
use tollgate_tokens::keys::{KeySource, SecretIds};

/// The stage of a stack on this machine.
const LOCAL_STAGE: &str = "local";
/// The account of the local stack's ARNs.
const LOCAL_ACCOUNT: &str = "000000000000";

pub struct Target {
    pub account: String,
    pub region: String,
    pub stage: String,
    /// The user who runs the command, by the name in AWS.
    pub operator: String,
    pub sdk: SdkConfig,
    pub aws: Aws,
    pub clock: Clock,
    pub local: Option<LocalStack>,
}

impl Target {
    /// Finds out which stack this is.
    ///
    /// # Errors
    /// When there is no region, no credentials, or no such stack.
    pub async fn connect(stack: &Stack) -> Result<Self, Failure> {
        match (&stack.local, &stack.stage) {
            (Some(url), _) => Self::local(url).await,
            (None, stage) => Self::deployed(stage.clone().unwrap_or_default()).await,
        }
    }

    async fn local(url: &str) -> Result<Self, Failure> {
        let local = local_stack(url).await?;
        let (sdk, begun_at, started) = (local.sdk(), local.now, Instant::now());
        // The stack's clock may have been moved.
        let clock = Clock::from_fn(move || {
            let passed = SignedDuration::try_from(started.elapsed()).unwrap_or_default();
            begun_at.saturating_add(passed).unwrap_or(begun_at)
        });
        Ok(Self {
            account: LOCAL_ACCOUNT.to_owned(),
            region: sdk.region().map(ToString::to_string).unwrap_or_default(),
            stage: LOCAL_STAGE.to_owned(),
            operator: "local".to_owned(),
            aws: Aws::new(&sdk, true),
            sdk,
            clock,
            local: Some(local),
        })
    }

    async fn deployed(stage: String) -> Result<Self, Failure> {
        let is_name = stage.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if stage.is_empty() || !is_name {
            return Err(Failure::refused("usage", format!("{stage:?} is not the name of a stage")));
        }
        let sdk = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts()).load().await;
        let Some(region) = sdk.region().map(ToString::to_string) else {
            return Err(Failure::refused("no_region", "there is no region: set AWS_REGION"));
        };
        let aws = Aws::new(&sdk, false);
        let identity = aws.query(STS, "GetCallerIdentity", &[]).await;
        let identity = identity.map_err(|error| Failure::failed("credentials", error))?;
        let text = |name: &str| elements(&identity, name).pop().unwrap_or_default();
        let (account, operator) = (text("Account"), text("Arn"));
        Ok(Self { account, region, stage, operator, sdk, aws, clock: Clock::system(), local: None })
    }

    /// Makes messages that this command has written leave the outbox. DynamoDB's stream notices them itself.
    ///
    /// # Errors
    /// When the local stack does not answer.
    pub async fn announce_write(&self) -> Result<(), Failure> {
        match &self.local {
            Some(local) => Ok(local.announce_write().await?),
            None => Ok(()),
        }
    }

    /// The name of a table, queue, secret or function of the stack.
    pub fn name_of(&self, name: &str) -> String {
        if self.local.is_some() { name.to_owned() } else { format!("tollgate-{}-{name}", self.stage) }
    }

    /// The tables.
    pub fn store(&self) -> Store {
        match &self.local {
            Some(local) => local.store(),
            None => Store::new(&self.sdk, self.name_of("")),
        }
    }

    pub fn queues(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk)
    }

    pub fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.sdk)
    }

    /// The settings with which a function runs.
    ///
    /// # Errors
    /// When Lambda does not answer.
    pub async fn settings(&self, function: &str) -> Result<Env, Failure> {
        if let Some(local) = &self.local {
            return Ok(Env::from_pairs(local.environment.clone()));
        }
        let path = format!("/2015-03-31/functions/{}/configuration", self.name_of(function));
        let read = self.aws.get(LAMBDA, &path).await.map_err(|error| Failure::failed("settings", error))?;
        let variables = read["Environment"]["Variables"].as_object().cloned().unwrap_or_default();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let pairs = variables.iter().map(|(name, value)| (name.clone(), text(value)));
        let region = [("AWS_REGION".to_owned(), self.region.clone())];
        let endpoints = Env::process();
        let endpoints = endpoints.iter().filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
        let endpoints: Vec<_> = endpoints.map(|(name, url)| (name.to_owned(), url.to_owned())).collect();
        Ok(Env::from_pairs(pairs.chain(region).chain(endpoints)))
    }

    /// Whether the deployment has billing; in doubt it has.
    pub async fn has_billing(&self) -> bool {
        self.settings("sweeper").await.ok().and_then(|settings| settings.has_billing().ok()).unwrap_or(true)
    }

    /// The outputs of the stack, by name.
    ///
    /// # Errors
    /// When CloudFormation does not answer, or has no such stack.
    pub async fn outputs(&self) -> Result<BTreeMap<String, String>, AwsError> {
        let name = format!("tollgate-{}", self.stage);
        let described = self.aws.query(CLOUDFORMATION, "DescribeStacks", &[("StackName", &name)]).await;
        match (described, &self.local) {
            (Ok(xml), _) => Ok(elements(&xml, "OutputKey").into_iter().zip(elements(&xml, "OutputValue")).collect()),
            (Err(AwsError::Absent(_)), Some(local)) => Ok(BTreeMap::from([
                ("ApiEndpoint".to_owned(), local.url.clone()),
                ("StripeWebhookUrl".to_owned(), format!("{}/billing/stripe/webhook", local.url)),
            ])),
            (Err(error), _) => Err(error),
        }
    }

    /// The way to Stripe, with the key of the secret `stripe`.
    ///
    /// # Errors
    /// When the settings of the stack cannot be read.
    pub async fn stripe(&self) -> Result<Gateway, Failure> {
        let settings = self.settings("sweeper").await?;
        let url = settings.address("STRIPE_API_URL", || tollgate_stripe::STRIPE_API.to_owned())?;
        let ids = SecretIds { stripe: Some(self.name_of("stripe")), ..SecretIds::default() };
        let keys = Arc::new(KeySource::new(ids, &self.sdk, Clock::system()));
        Ok(Gateway::new(Outbound::system(), keys, &url))
    }
}
