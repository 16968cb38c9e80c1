//! The checks of the AWS account: mail, alarms, quota.

use super::examination::{Examination, Finding};
use crate::aws::{AwsError, LAMBDA, SES, SNS, elements};

/// AWS keeps 100 concurrent executions unreserved; a new account has 10 in all.
const MIN_CONCURRENCY: u64 = 100;

fn no_answer(error: &AwsError, mend: &'static str) -> Finding {
    match error {
        AwsError::Absent(_) => Finding::skipped(error.to_string()),
        error => Finding::fail(error.to_string(), mend),
    }
}

pub async fn check_mail(of: &Examination<'_>) -> Finding {
    let account = match of.target.aws.get(SES, "/v2/email/account").await {
        Ok(account) => account,
        Err(error) => return no_answer(&error, "allow ses:GetAccount"),
    };
    if account["SendingEnabled"] == false {
        return Finding::fail("SES has stopped the sending of this account", "answer SES's review in the AWS console");
    }
    match account["ProductionAccessEnabled"] == true {
        true => Finding::ok(format!("SES sends {} mails a day", account["SendQuota"]["Max24HourSend"])),
        false => Finding::fail(
            "SES is in the sandbox: it sends to verified addresses only",
            "request production access in the SES console (docs/deploying.md)",
        ),
    }
}

pub async fn check_alarms(of: &Examination<'_>) -> Finding {
    let Some(topic) = of.outputs.get("AlarmTopic") else {
        return Finding::skipped("the stack has no output AlarmTopic");
    };
    let answer = of.target.aws.query(SNS, "ListSubscriptionsByTopic", &[("TopicArn", topic)]).await;
    let xml = match answer {
        Ok(xml) => xml,
        Err(error) => return no_answer(&error, "allow sns:ListSubscriptionsByTopic"),
    };
    let arns = elements(&xml, "SubscriptionArn");
    let confirmed = arns.iter().filter(|arn| arn.starts_with("arn:")).count();
    match (confirmed, arns.len()) {
        (0, 0) => Finding::fail("the alarms have no subscriber", "deploy with AlarmEmail"),
        (0, _) => Finding::fail(
            "no subscription of the alarms is confirmed",
            "follow the link in the mail that SNS has sent to AlarmEmail",
        ),
        (confirmed, _) => Finding::ok(format!("{confirmed} subscribers")),
    }
}

pub async fn check_quota(of: &Examination<'_>) -> Finding {
    let account = match of.target.aws.get(LAMBDA, "/2016-08-19/account-settings/").await {
        Ok(account) => account,
        Err(error) => return no_answer(&error, "allow lambda:GetAccountSettings"),
    };
    let limit = account["AccountLimit"]["ConcurrentExecutions"].as_u64().unwrap_or_default();
    match limit >= MIN_CONCURRENCY {
        true => Finding::ok(format!("{limit} concurrent executions")),
        false => Finding::warn(
            format!("{limit} concurrent executions, for all functions together"),
            "request a higher quota for Lambda's concurrent executions in Service Quotas",
        ),
    }
}
